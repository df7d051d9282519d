/** Writes proto/asyncapi.yaml from the schemas of the frames; a test fails when it is not current. */
import { generateAsyncApi } from "../src/shared/http/asyncapi/generate-asyncapi.ts";

const path = new URL("../proto/asyncapi.yaml", import.meta.url);
const text = generateAsyncApi();
await Bun.write(path, text);
console.log(`wrote ${path.pathname}: ${text.length} characters`);
