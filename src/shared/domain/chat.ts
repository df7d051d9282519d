/** Chat rules, pure: roles and who may do what. */

export type ChatType = "direct" | "group";
export type Role = "owner" | "admin" | "member";

/** Stored for a mute without an end, since null means "not muted". */
export const mutedForever = "9999-12-31T23:59:59.999Z";

export type GroupOperation =
  | "rename"
  | "add_member"
  | "add_admin"
  | "remove_member"
  | "remove_admin"
  | "change_role";

const allowed: Readonly<Record<GroupOperation, readonly Role[]>> = {
  rename: ["owner", "admin"],
  add_member: ["owner", "admin"],
  add_admin: ["owner"],
  remove_member: ["owner", "admin"],
  remove_admin: ["owner"],
  change_role: ["owner"],
};

/** The role matrix of the REST contract, section 13.5. */
export function mayDo(role: Role, operation: GroupOperation): boolean {
  return allowed[operation].includes(role);
}

/** The least role that may do it, for the details of a refusal. */
export function requiredRole(operation: GroupOperation): Role {
  return allowed[operation].includes("admin") ? "admin" : "owner";
}

/** Key of the one direct chat of two users, independent of their order (code-unit order). */
export function directPairKey(a: string, b: string): string {
  return a < b ? `${a}#${b}` : `${b}#${a}`;
}
