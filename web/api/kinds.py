"""Every kind of refusal: its stable name, its status, and its sentence in English and Chinese."""

from collections.abc import Mapping
from dataclasses import dataclass

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:kaihu:problem:"


@dataclass(frozen=True)
class Kind:
    """One kind of refusal."""

    code: str
    status: int
    title: str
    detail: str
    detail_zh: str


KINDS: Mapping[str, Kind] = {
    k.code: k
    for k in (
        Kind(
            "malformed",
            400,
            "Bad request",
            "The request is not well formed; a body must be one JSON document.",
            "请求格式不正确；请求体须为一个 JSON 文档。",
        ),
        Kind(
            "unauthorized",
            401,
            "Not authorized",
            "Send a valid token: Authorization: Bearer <token>.",
            "请提供有效的令牌：Authorization: Bearer <令牌>。",
        ),
        Kind(
            "forbidden",
            403,
            "Forbidden",
            "This token's roles do not allow this.",
            "该令牌的角色无权进行此操作。",
        ),
        Kind(
            "four-eyes",
            403,
            "Another person must do this",
            "You took part in an earlier step of this case; another person must decide.",
            "您已参与该业务的前一环节，须由他人办理。",
        ),
        Kind(
            "not-found",
            404,
            "Not found",
            "There is no such resource, or this token may not see it.",
            "没有找到该资源，或该令牌无权查看。",
        ),
        Kind(
            "unknown-customer",
            404,
            "Unknown customer",
            "The counter has no such customer with such an account.",
            "柜台校验客户不存在。",
        ),
        Kind(
            "method-not-allowed",
            405,
            "Method not allowed",
            "This address does not take this method.",
            "该地址不支持此请求方法。",
        ),
        Kind(
            "task-gone",
            409,
            "The task is done",
            "The task is done, or the case moved on; look at the case.",
            "该任务已办结或业务已流转，请查看业务状态。",
        ),
        Kind(
            "already-claimed",
            409,
            "Already claimed",
            "Another person works on this task.",
            "该任务已由他人领取。",
        ),
        Kind("not-claimed", 409, "Not claimed", "Claim the task first.", "请先领取该任务。"),
        Kind(
            "elsewhere-changed",
            409,
            "Changed elsewhere",
            "The same page was changed from another device; read the task again.",
            "该业务已在其他设备上继续办理，请重新读取任务。",
        ),
        Kind(
            "conflict",
            409,
            "Not now",
            "The state of the case does not allow this now.",
            "该业务的状态已变化，当前不能进行该操作。",
        ),
        Kind(
            "customer-refused",
            409,
            "Not for this customer",
            "This customer cannot start this now; send the customer to the pages, which say why.",
            "该客户当前不能办理此业务，请引导客户登录页面查看原因。",
        ),
        Kind("too-large", 413, "Too large", "The body is larger than this API takes.", "请求体过大。"),
        Kind(
            "unsupported-media-type",
            415,
            "Unsupported media type",
            "Send application/json.",
            "请求体须为 application/json。",
        ),
        Kind(
            "invalid",
            422,
            "Not acceptable as it is",
            "Correct what is named under errors and send again.",
            "请按 errors 所列更正后重新提交。",
        ),
        Kind(
            "key-reused",
            422,
            "Idempotency key reused",
            "This Idempotency-Key came with another request before; use a new one.",
            "该 Idempotency-Key 已用于其他请求，请更换。",
        ),
        Kind(
            "too-many-requests",
            429,
            "Too many requests",
            "Wait as Retry-After says.",
            "请求过于频繁，请稍后再试。",
        ),
        Kind(
            "internal",
            500,
            "Internal error",
            "Something broke here; nothing was accepted. Name the request id.",
            "系统内部错误，本次请求未被受理；请联系我们并提供请求编号。",
        ),
        Kind(
            "counter-down",
            503,
            "Counter unavailable",
            "The counter does not answer; nothing was accepted. Try later.",
            "柜台系统暂时无法连接，请稍后再试。",
        ),
        Kind(
            "unavailable",
            503,
            "Unavailable",
            "The service does not answer; nothing was accepted. Try later.",
            "系统暂时无法连接，请稍后再试。",
        ),
    )
}
