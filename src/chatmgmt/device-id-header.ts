/** `X-Device-ID`, which login and refresh need. */
import { TriplaneError } from "../shared/domain/errors.ts";
import { type DeviceId, parseDeviceId } from "../shared/domain/ids.ts";
import type { RequestInfo } from "../shared/rpc/request-info.ts";

/** @throws {TriplaneError} VALIDATION_ERROR when it is missing or no UUID */
export function requireDeviceIdHeader(info: RequestInfo): DeviceId {
  const sent = info.deviceIdHeader;
  if (sent === undefined || sent === "") throw refused("REQUIRED", "X-Device-ID is required");
  const deviceId = parseDeviceId(sent);
  if (deviceId === undefined) throw refused("INVALID_FORMAT", "X-Device-ID must be a UUID");
  return deviceId;
}

/** @throws {TriplaneError} VALIDATION_ERROR when the header and the body name different devices */
export function requireSameDevice(info: RequestInfo, inBody: string): DeviceId {
  const deviceId = requireDeviceIdHeader(info);
  if (parseDeviceId(inBody) !== deviceId) {
    throw refused("INVALID_VALUE", "X-Device-ID and device_id must be equal");
  }
  return deviceId;
}

function refused(code: "REQUIRED" | "INVALID_FORMAT" | "INVALID_VALUE", message: string): TriplaneError {
  return new TriplaneError("VALIDATION_ERROR", message, {
    details: { field_errors: [{ field: "X-Device-ID", code, message }] },
  });
}
