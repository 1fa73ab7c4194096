"""What a verifier may find, in words for everybody."""

from collections.abc import Mapping

#: Sentences by code: Chinese, English.
WORDS: Mapping[str, tuple[str, str]] = {
    # no file of ours
    "not_pdf": ("这不是一份 PDF 文件", "This is not a PDF file"),
    "too_large": ("文件过大，无法验证", "The file is too large to be verified"),
    "encrypted": (
        "文件带有密码保护，本系统的协议文件没有密码",
        "The file is protected by a password; our agreements are not",
    ),
    "structure": (
        "文件结构与本系统生成的协议文件不同，或已被其他软件另存",
        "The file is not built as our agreements are, or was saved anew by another program",
    ),
    "no_signature": ("文件中没有电子签名", "The file bears no electronic signature"),
    "no_customer": (
        "文件没有客户签名栏，只有公司的。此处只验证客户签署的协议；证据页请用证据包的verify.sh验证",
        "It has no field for a customer's signature, only the company's. Agreements customers signed are "
        "verified here; for an evidence page use the evidence kit's verify.sh",
    ),
    # changed
    "changed": ("文件内容在签名之后被改动", "The content was changed after it was signed"),
    "after_end": ("文件末尾之后还有其他内容", "Something stands after the end of the file"),
    "cut_short": ("文件不完整", "The file is incomplete"),
    "added": ("签名之后又加入了内容", "Something was added after the signature"),
    "replaced": ("签名之后有内容被替换", "Something was replaced after the signature"),
    "hidden": ("文件中有不会显示的内容", "The file holds content that is not shown"),
    "active": ("文件中含有脚本、附件或可切换的图层", "The file holds scripts, attachments or layers"),
    "fields": ("签名栏的数量、名称或顺序与应有的不同", "The signature fields are not the expected ones"),
    "range": ("签名没有覆盖整份文件", "A signature does not cover the whole file"),
    "unfinished": ("公司签章后的归档未完成", "The archive was not completed after the company's seal"),
    # the signature itself
    "signature_form": ("电子签名的格式与应有的不同", "A signature is not built as it should be"),
    "signature_wrong": ("电子签名无效", "A signature is invalid"),
    "algorithm": ("签名使用了不允许的算法", "A signature uses an algorithm that is not allowed"),
    "certificate_unbound": (
        "签名没有与签名人的证书绑定",
        "A signature is not bound to its signer's certificate",
    ),
    # who
    "foreign": ("签名证书不是由受信任的机构签发", "A certificate was not issued by a trusted authority"),
    "certificate_form": ("证书的内容或用途与应有的不同", "A certificate does not say what it should"),
    "certificate_purpose": ("证书不允许用于此类签名", "A certificate may not be used for this signature"),
    "certificate_expired": ("签名时证书不在有效期内", "A certificate was not valid when it was used"),
    "revoked": ("签名时证书已被吊销", "The certificate was revoked when it was used"),
    "revocation_unknown": (
        "无法确认签名时证书是否已被吊销",
        "Whether the certificate was revoked cannot be told",
    ),
    "evidence": ("文件中保存的证书状态证据无效", "The evidence kept in the file is not valid"),
    # when
    "timestamp_wrong": ("时间戳无效", "A timestamp is invalid"),
    "timestamp_missing": ("缺少时间戳", "A timestamp is missing"),
    "timestamp_order": ("时间戳的先后次序不正确", "The timestamps are not in order"),
    "timestamp_expired": ("归档时间戳已过期", "The archive's timestamp has expired"),
    # both
    "second_opinion": ("第二个验证程序没有确认此文件", "The second verifier did not confirm the file"),
    "too_much": ("文件无法在限定的资源内验证", "The file could not be verified within limits"),
    "broken": ("文件无法读取", "The file cannot be read"),
}


class Refused(Exception):
    """A file is refused.

    :param code: one of ``WORDS``.
    :param detail: for logs and tests; never shown, since it may hold what a stranger wrote.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
