"""What schemathesis has to know beyond the document: who it is, what exists, and where the contract differs.

TRIPLANE_USERS names the file that `triplane seed` wrote. Its first user makes the requests; `messages` of that line are
what they have sent. The others are found by them, and lend their tokens to requests that end a session.
"""

import base64
import itertools
import json
import os
import re
import zlib

import schemathesis

# (operation or None for every one, code, field or None, the rule that says so)
# A request that fits its schema is refused, because of the state it meets or because of what only the server can tell.
overrides = [
    ("CreateChat", "UNPROCESSABLE_ENTITY", None, "section 13.6: caps of groups"),
    ("CreateChat", "VALIDATION_ERROR", "member_ids", "section 6.1: not the caller, R-7: nobody twice"),
    ("UpdateChat", "INVALID_OPERATION", None, "section 6.4: groups only"),
    ("AddMember", "INVALID_OPERATION", None, "section 6.5: groups only"),
    ("AddMember", "CHAT_FULL", None, "section 2.4: 100 members"),
    ("RemoveMember", "INVALID_OPERATION", None, "section 6.6, R-9: not oneself, not the owner"),
    ("ChangeRole", "INVALID_OPERATION", None, "section 6.7: not oneself"),
    ("LeaveChat", "INVALID_OPERATION", None, "section 6.8: not the owner"),
    ("ListChats", "VALIDATION_ERROR", "cursor", "section 2.5: cursors are the server's"),
    ("ListMessages", "VALIDATION_ERROR", "cursor", "sections 2.5, 7.1: cursors are the server's and stand alone"),
    ("GetDeliveryStatus", "VALIDATION_ERROR", "cursor", "section 2.5: cursors are the server's"),
    ("SetDeliveryState", "INVALID_SEQUENCE", None, "section 8.2: not beyond the newest message"),
    ("SetDeliveryStateAlias", "INVALID_SEQUENCE", None, "section 8.2: not beyond the newest message"),
    ("VerifyOtp", "VALIDATION_ERROR", "device_id", "R-4: the header says the same"),
    ("VerifyOtp", "VALIDATION_ERROR", "X-Device-ID", "R-4: the body says the same"),
]

with open(os.environ["TRIPLANE_USERS"], encoding="utf-8") as lines:
    users = [json.loads(line) for line in lines]
caller, others = users[0], users[1:]
messages = caller["messages"]
lent = itertools.cycle(others)
ends_sessions = {"DeleteMe", "Logout", "DeleteSession", "DeleteSessions", "RefreshToken"}
phone_numbers = ["+14155550101", "+14155550102", "+14155550103"]
real = {
    "chat_id": caller["chat_ids"],
    "user_id": [user["user_id"] for user in others[:20]],
    "phone_number": phone_numbers,
}
# The document's examples name nothing that exists.
example = "_01HQX7Z9Y8"
made_up = re.compile(r"(chat|user|sess|msg)_(?!01(?!HQX7Z9Y8)[0-9A-Z]{24}$)[0-9A-Za-z]{1,45}|\+[1-9][0-9]{1,14}")


def is_made_up(value):
    return isinstance(value, str) and made_up.fullmatch(value) is not None


def session_of(user):
    claims = user["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sid"]


def fits(case):
    """A refresh as the document asks for it: a header and a token of the right form."""
    device_id = case.headers.get("X-Device-ID")
    token = case.body.get("refresh_token") if isinstance(case.body, dict) else None
    is_token = isinstance(token, str) and re.fullmatch("[0-9A-Za-z_-]{43}", token)
    return is_token and isinstance(device_id, str) and re.fullmatch("[0-9A-Fa-f-]{36}", device_id)


@schemathesis.auth(refresh_interval=None)
class Caller:
    def get(self, case, context):
        operation = context.operation.definition.raw.get("operationId")
        return next(lent) if operation in ends_sessions else caller

    def set(self, case, user, context):
        case.headers["Authorization"] = f"Bearer {user['access_token']}"
        operation = context.operation.definition.raw.get("operationId")
        if operation == "DeleteSession" and is_made_up(case.path_parameters.get("session_id")):
            case.path_parameters["session_id"] = session_of(user)
        if operation == "RefreshToken" and fits(case):
            case.headers["X-Device-ID"] = user["device_id"]
            case.body["refresh_token"] = user["refresh_token"]


def instead(name, value):
    """Three times of four something that exists for something well-formed that does not; never for what is wrong."""
    known = real.get(name)
    if not known or not isinstance(value, str) or not made_up.fullmatch(value):
        return value
    number = zlib.crc32(value.encode())
    stays = number % 4 == 0 and example not in value
    return value if stays else known[number % len(known)]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not isinstance(path_parameters, dict):
        return path_parameters
    if is_made_up(path_parameters.get("message_id")) and is_made_up(path_parameters.get("chat_id")):
        message = messages[zlib.crc32(path_parameters["message_id"].encode()) % len(messages)]
        return {**path_parameters, "chat_id": message["chat_id"], "message_id": message["message_id"]}
    return {name: instead(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    body = {name: instead(name, value) for name, value in body.items()}
    if isinstance(body.get("member_ids"), list):
        body["member_ids"] = [instead("user_id", value) for value in body["member_ids"]]
    watermark = body.get("last_acked_sequence")
    if type(watermark) is int and watermark > 0 and watermark % 4 != 0:
        body["last_acked_sequence"] = 1
    if isinstance(body.get("otp"), str) and re.fullmatch("[0-9]{6}", body["otp"]):
        body["otp"] = "000000"
    return body


def refusals(response):
    """The (code, field) pairs of an answer; a refusal that names no field has one pair."""
    try:
        error = json.loads(response.content)["error"]
    except (ValueError, KeyError, TypeError):
        return []
    fields = [entry["field"] for entry in error.get("details", {}).get("field_errors", [])]
    return [(error["code"], re.sub(r"\[\d+\]$", "", field)) for field in fields] or [(error["code"], None)]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    operation = case.operation.definition.raw.get("operationId")
    # A case whose headers the auth above has touched can count as positive though its device id was left out on purpose.
    if operation in ("RefreshToken", "VerifyOtp") and "X-Device-ID" not in response.request.headers:
        return False
    allowed = {(code, field) for name, code, field, _ in overrides if name in (None, operation)}
    found = refusals(response)
    return not found or not set(found) <= allowed
