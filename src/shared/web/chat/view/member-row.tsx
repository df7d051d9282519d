import type { JSX } from "preact";
import type { Member, Role } from "../../../client/rest-types.ts";
import { Avatar } from "./avatar.tsx";

/** One member with what the own role may do to it: the rules are the server's, this only hides what it refuses. */
export function MemberRow(props: {
  readonly name: string;
  readonly member: Member;
  readonly isMe: boolean;
  readonly myRole: Role;
  readonly isBusy: boolean;
  readonly showsRole: boolean;
  readonly onRole: (role: "member" | "admin") => void;
  readonly onRemove: () => void;
}): JSX.Element {
  const { member, myRole, name } = props;
  const mayRemove =
    !props.isMe &&
    member.role !== "owner" &&
    (myRole === "owner" || (myRole === "admin" && member.role === "member"));
  const mayChangeRole = !props.isMe && myRole === "owner";
  return (
    <li class="member">
      <Avatar id={member.user_id} name={name} isGroup={false} />
      <span class="member-name">
        {name}
        {props.isMe && " (you)"}
      </span>
      {props.showsRole && member.role !== "member" && <span class="role">{member.role}</span>}
      {mayChangeRole && (
        <button
          type="button"
          class="button button-small button-quiet"
          disabled={props.isBusy}
          aria-label={`${member.role === "admin" ? "Make member" : "Make admin"}: ${name}`}
          onClick={() => props.onRole(member.role === "admin" ? "member" : "admin")}
        >
          {member.role === "admin" ? "Make member" : "Make admin"}
        </button>
      )}
      {mayRemove && (
        <button
          type="button"
          class="button button-small button-quiet"
          disabled={props.isBusy}
          aria-label={`Remove ${name}`}
          onClick={props.onRemove}
        >
          Remove
        </button>
      )}
    </li>
  );
}
