/** Every way of breaking a clean run that the checker must notice. */

import type { Fault } from "./fault-planting.ts";
import { clientFaults } from "./faults-of-clients.ts";
import { frameFaults } from "./faults-of-frames.ts";
import { membershipFaults } from "./faults-of-membership.ts";
import { orderFaults } from "./faults-of-order.ts";
import { sightFaults } from "./faults-of-sights.ts";
import { storeFaults } from "./faults-of-store.ts";
import { watermarkFaults } from "./faults-of-watermarks.ts";

export const faults: readonly Fault[] = [
  ...storeFaults,
  ...sightFaults,
  ...orderFaults,
  ...clientFaults,
  ...watermarkFaults,
  ...frameFaults,
  ...membershipFaults,
];
