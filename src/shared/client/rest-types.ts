/** Resources of the REST API. Field names are the wire's. */
import type { Iso, MessagePayload } from "../protocol/frames.ts";

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
}

export interface SessionInfo {
  readonly session_id: string;
  readonly device_id: string;
  readonly created_at: Iso;
  readonly expires_at: Iso;
}

export interface SessionListItem extends SessionInfo {
  readonly last_active_at: Iso;
  readonly is_current: boolean;
}

export interface OtpRequested {
  readonly phone_number: string;
  readonly expires_at: Iso;
  readonly retry_after_seconds: number;
}

export interface VerifiedOtp {
  readonly user: {
    readonly user_id: string;
    readonly phone_number: string;
    readonly display_name: string | null;
    readonly created_at: Iso;
  };
  readonly session: SessionInfo;
  readonly tokens: Tokens;
  readonly is_new_user: boolean;
}

export interface Me {
  readonly user_id: string;
  readonly phone_number: string;
  readonly display_name: string | null;
  readonly created_at: Iso;
  readonly updated_at: Iso;
}

export interface PublicUser {
  readonly user_id: string;
  readonly display_name: string | null;
  readonly created_at: Iso;
}

export interface LookupResult {
  readonly users: readonly {
    readonly phone_number: string;
    readonly user_id: string;
    readonly display_name: string | null;
  }[];
  readonly not_found: readonly string[];
}

export type Role = "owner" | "admin" | "member";

export interface Member {
  readonly user_id: string;
  readonly role: Role;
  readonly display_name: string | null;
  readonly joined_at: Iso;
}

export interface MyMembership {
  readonly role: Role;
  readonly joined_at: Iso;
  readonly muted_until: Iso | null;
}

export interface ChatBase {
  readonly chat_id: string;
  readonly type: "direct" | "group";
  readonly name: string | null;
  readonly created_at: Iso;
  readonly updated_at: Iso;
  readonly member_count: number;
}

export interface ChatUpdated extends ChatBase {
  readonly created_by: string;
}

export interface ChatCreated extends ChatUpdated {
  readonly members: readonly Member[];
}

export interface ChatDetail extends ChatCreated {
  readonly current_sequence: number;
  readonly my_membership: MyMembership & { readonly last_acked_sequence: number };
}

export interface ChatListItem extends ChatBase {
  readonly my_membership: MyMembership;
  /** Direct chats only. */
  readonly other_member?: { readonly user_id: string; readonly display_name: string | null };
  readonly last_message: {
    readonly message_id: string;
    readonly sequence: number;
    readonly sender_id: string;
    readonly content_preview: string;
    readonly created_at: Iso;
  } | null;
  readonly pending_ack_count: number;
}

export interface AddedMember extends Member {
  readonly chat_id: string;
  readonly added_by: string;
}

export interface ChangedMember extends Member {
  readonly chat_id: string;
  readonly updated_by: string;
}

export interface MuteState {
  readonly chat_id: string;
  readonly muted_until: Iso | null;
}

export interface RestMessage extends MessagePayload {
  readonly sender: { readonly user_id: string; readonly display_name: string | null };
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly pagination: {
    readonly has_more: boolean;
    readonly next_cursor: string | null;
    readonly prev_cursor: string | null;
  };
}

export interface MessagesAround {
  readonly target_sequence: number;
  readonly messages: readonly RestMessage[];
  readonly has_more_before: boolean;
  readonly has_more_after: boolean;
}

export interface DeliveryState {
  readonly chat_id: string;
  readonly last_acked_sequence: number;
  readonly current_sequence: number;
  readonly unread_count: number;
  readonly updated_at: Iso | null;
}

export interface DeliveryStatus {
  readonly chat_id: string;
  readonly chat_type: "direct" | "group";
  readonly member_count: number;
  readonly delivery_summary: {
    readonly sequence: number;
    readonly delivered_count: number;
    readonly pending_count: number;
    readonly all_delivered: boolean;
  };
  readonly members: readonly {
    readonly user_id: string;
    readonly display_name: string | null;
    readonly last_acked_sequence: number;
    readonly updated_at: Iso | null;
  }[];
  readonly pagination: { readonly has_more: boolean; readonly next_cursor: string | null };
}
