import type { JSX } from "preact";

/** Outlines on a grid of 24. */
const paths = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  chat: "M20 12a8 8 0 0 1-8 8H4l2-3.5A8 8 0 1 1 20 12z",
  group:
    "M9 11a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 9 11zM3 19c.4-3.3 2.8-5 6-5s5.600 1.700 6 5M15.500 5a3 3 0 0 1 0 5.800M17.500 14.400c2 .7 3.300 2.200 3.600 4.600",
  more: "M5.500 12h.01M12 12h.01M18.500 12h.01",
  send: "M4.500 12h13M12 5.500l6.500 6.500-6.500 6.500",
  down: "M12 5v13M6 12.500l6 6 6-6",
  plus: "M12 5v14M5 12h14",
  sun: "M12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M19.500 14.500A8 8 0 1 1 9.500 4.500a6.500 6.500 0 0 0 10 10z",
  auto: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 3.500v17M12 8h6.500M12 12h8.400M12 16h6.500",
  muted:
    "M18 14.500V10a6 6 0 0 0-9.300-5M6.300 7.800A6 6 0 0 0 6 10v4.500L4.500 17H17M10 20.200a2.200 2.200 0 0 0 4 0M3.500 3.500l17 17",
  clock: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 7v5l3.300 2",
  check: "M5 12.500l4.500 4.500L19 7.500",
  checks: "M2 12.500l4.500 4.500L15.500 7.500M11.500 15.500l1.500 1.500 9-9.500",
  alert: "M12 7.500v5.500M12 16.500h.01M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z",
} as const;

export type IconName = keyof typeof paths;

/** Decoration: what it means stands in a label or text beside it. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
