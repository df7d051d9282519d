/** Writes proto/openapi.yaml from the descriptors; a test fails when it is not current. */
import { ChatMgmtService } from "../src/shared/gen/messaging/v1/chatmgmt_pb.js";
import { generateOpenApi } from "../src/shared/http/openapi/generate-openapi.ts";

const path = new URL("../proto/openapi.yaml", import.meta.url);
const text = generateOpenApi(ChatMgmtService);
await Bun.write(path, text);
console.log(`wrote ${path.pathname}: ${text.length} characters`);
