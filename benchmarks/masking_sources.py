"""Which kinds of personal data are put into which sentences, and what looks like it and is none."""

from collections.abc import Sequence
from functools import partial

from benchmarks.personal_data import People, Source
from nlu.masking import Kind

_CARD = (
    "I paid with {} and it was charged twice", "my card {} was declined", "card number {}, please check",
    "The card is {} exp 12/27 cvv 123", "visa {} 09/28", "Use {} instead.", "refund to {}?", "Here you go: {}",
    "我的卡号{}", "卡号是{}，有效期12/27", "请退到{}这张卡", "银行卡{}扣了两次", "用{}付的款，为什么失败",
    "信用卡（{}）被拒",
)  # fmt: skip
_CHINESE_ID = (
    "身份证{}", "我的身份证号是{}，帮我查一下", "实名认证一直失败，号码{}", "身份证号码：{}", "证件号{}怎么不对",
    "My Chinese ID is {} and it is not accepted", "id number {}", "姓名李雷，{}，请核对",
)  # fmt: skip
_IBAN = (
    "Please refund to {}", "my IBAN is {} thanks", "IBAN: {}", "transfer it to {}, please", "account {} at my bank",
    "Bitte überweisen Sie auf {}", "Meine IBAN lautet {}.", "请汇到{}", "我的账户是{}，谢谢",
)  # fmt: skip
_EMAIL = (
    "My email is {}", "write to {}, please", "I never got the mail ({})", "{} is my login", "send it to {}.",
    "邮箱是{}谢谢", "我的邮箱{}收不到验证码", "发到{}", "Meine Adresse ist {}",
)  # fmt: skip
_PHONE = (
    "call me on {}", "my number is {}", "You can reach me at {} after six", "Phone: {}", "text {} when it is ready",
    "the courier has {} as my phone", "Meine Telefonnummer ist {}",
)  # fmt: skip
_MOBILE = (
    "请打{}给我", "我的手机是{}", "手机号{}收不到短信", "电话{}", "联系我{}，谢谢", "快递员打{}没人接", "换成{}这个号",
    "my mobile in China is {}", "收件人电话：{}，放门口",
)  # fmt: skip
_ADDRESS = (
    "Please send it to {}", "My address is {}", "I moved to {}, can you change it?", "deliver to {} instead", "{}",
)  # fmt: skip
_GERMAN_ADDRESS = ("Bitte an {} liefern", "Meine Adresse: {}", "Ich wohne jetzt {}", "Lieferung nach {}, danke")
_CHINESE_ADDRESS = ("寄到{}", "地址是{}，谢谢", "我的收货地址改成{}", "送到{}就行", "我住在{}")
_NAME = (
    "My name is {} and my parcel is late", "Hi, my name is {}.", "I am {}, I ordered last week", "This is {} speaking",
)  # fmt: skip
_CHINESE_NAME = ("我叫{}，想退货", "我的名字是{}。", "收件人：{}，麻烦改一下", "姓名：{}")
_PASSPORT = (
    "my passport number is {}", "Passport: {}", "passport no. {} expired", "护照号码{}", "护照：{}", "Reisepass {}",
)  # fmt: skip
_IP = ("I am locked out, my IP is {}", "{} is blocked", "IP地址{}登录不了", "logins from {} are not mine")
_LINK = ("the link {} does not work", "I get an error at {}", "打不开{}", "see {}.")
_ORDER = (
    "Where is order {}?", "my order number is {}", "订单号{}到哪了", "tracking {} has not moved", "ticket #{}",
    "运单{}没更新", "invoice no. {}", "reference: {}",
)  # fmt: skip
_PLAIN = ("{}", "It says {}. Is that right?", "why {}", "{}是什么意思", "I read {} on your page")


def sources(people: People) -> list[Source]:
    """Every group, personal data first."""
    return [*_with_checksum(people), *_states(people), *_other(people), *_harmless(people)]


def _with_checksum(people: People) -> list[Source]:
    return [
        Source(group="payment card", kind=Kind.CARD, make=people.card, frames=_CARD, checked=True),
        Source(
            group="Chinese identity number",
            kind=Kind.IDENTITY,
            make=people.chinese_id,
            frames=_CHINESE_ID,
            checked=True,
        ),
        Source(group="IBAN", kind=Kind.BANK_ACCOUNT, make=people.iban, frames=_IBAN, checked=True),
    ]


def _states(people: People) -> list[Source]:
    """The numbers of states; those that many others look like stand behind a word for them, as people write them."""
    checked: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("DNI, Spain", "es_ES", ("my DNI is {}", "DNI {}", "mi documento es {}")),
        ("codice fiscale, Italy", "it_IT", ("codice fiscale {}", "my tax code is {}", "{}")),
        ("NIR, France", "fr_FR", ("mon numéro est le {}", "social number {}")),
        ("AHV, Switzerland", "de_CH", ("AHV {}", "Meine AHV-Nummer ist {}")),
        ("personnummer, Sweden", "sv_SE", ("my personnummer is {}", "pnr {}")),
        ("hetu, Finland", "fi_FI", ("henkilötunnus {}", "my id is {}")),
        ("identity number, Taiwan", "zh_TW", ("身分證{}", "身分證字號是{}")),
        ("BSN, Netherlands", "nl_NL", ("my BSN is {}", "BSN: {}")),
        ("SIN, Canada", "en_CA", ("my SIN is {}", "social insurance number {}")),
    )
    made = [
        Source(group=group, kind=Kind.IDENTITY, make=people.faker(locale).ssn, frames=frames, checked=True)
        for group, locale, frames in checked
    ]
    more = (
        ("CPF, Brazil", people.faker("pt_BR").cpf, ("meu CPF é {}", "CPF: {}"), True),
        ("PESEL, Poland", people.faker("pl_PL").pesel, ("PESEL {}", "my PESEL is {}"), True),
        ("tax number, Germany", people.german_tax_id, ("Meine Steuer-ID ist {}", "tax id {}", "IdNr {}"), True),
        ("NHS, United Kingdom", people.nhs_number, ("my NHS number is {}", "NHS {}"), True),
        ("SSN, United States", people.faker("en_US").ssn, ("my SSN is {}", "social security {}", "{} is mine"), False),
        ("NINO, United Kingdom", people.nino, ("NI number {}", "my national insurance is {}"), False),
    )
    return made + [
        Source(group=group, kind=Kind.IDENTITY, make=make, frames=frames, checked=has_checksum)
        for group, make, frames, has_checksum in more
    ]


def _other(people: People) -> list[Source]:
    us, gb, german, zh = (people.faker(locale) for locale in ("en_US", "en_GB", "de_DE", "zh_CN"))
    rows = (
        ("e-mail address", Kind.EMAIL, us.free_email, _EMAIL),
        ("e-mail address of a company", Kind.EMAIL, german.company_email, _EMAIL),
        ("phone, United States", Kind.PHONE, us.phone_number, _PHONE),
        ("phone, United Kingdom", Kind.PHONE, gb.phone_number, _PHONE),
        ("phone, Germany", Kind.PHONE, german.phone_number, _PHONE),
        ("mobile, China", Kind.PHONE, people.chinese_mobile, _MOBILE),
        ("address, United States", Kind.ADDRESS, partial(people.address, "en_US"), _ADDRESS),
        ("address, United Kingdom", Kind.ADDRESS, partial(people.address, "en_GB"), _ADDRESS),
        ("address, Germany", Kind.ADDRESS, partial(people.address, "de_DE"), _GERMAN_ADDRESS),
        ("address, China", Kind.ADDRESS, partial(people.address, "zh_CN"), _CHINESE_ADDRESS),
        ("name, introduced", Kind.NAME, lambda: f"{us.first_name()} {us.last_name()}", _NAME),
        ("name, introduced in Chinese", Kind.NAME, zh.name, _CHINESE_NAME),
        ("passport", Kind.PASSPORT, us.passport_number, _PASSPORT),
        ("IP address", Kind.IP_ADDRESS, us.ipv4_public, _IP),
        ("link with a token", Kind.LINK, lambda: f"https://shop.{us.domain_name()}/r?token={us.uuid4()}", _LINK),
        ("order number", Kind.NUMBER, lambda: us.bothify("??-######").upper(), _ORDER),
        ("order number, digits", Kind.NUMBER, lambda: us.numerify("%#########"), _ORDER),
    )
    return [Source(group=group, kind=kind, make=make, frames=frames) for group, kind, make, frames in rows]


def _harmless(people: People) -> list[Source]:
    choose, us = people.choose, people.faker("en_US")
    cased = frozenset({Kind.NUMBER})  # the number of one parcel is not public, whatever its digits
    rows = (
        (
            "price",
            lambda: f"{choose.choice(('EUR ', '$', '€', '£'))}{choose.randrange(1, 9_999)}.{choose.randrange(100):02}",
            ("the total was {}", "{} is too much", "why do I pay {}"),
            frozenset(),
        ),
        (
            "price in Chinese",
            lambda: f"{choose.randrange(10, 99_999)}元",
            ("一共{}", "满{}减20", "为什么是{}"),
            frozenset(),
        ),
        ("date", us.date, ("delivered on {}", "从{}开始", "until {} only", "{}"), frozenset()),
        ("date in words", lambda: us.date(pattern="%d %B %Y"), ("delivered on {}", "since {}"), frozenset()),
        ("time", lambda: us.date(pattern="%H:%M:%S"), ("at {} it stopped", "{}"), frozenset()),
        ("year", lambda: str(choose.randrange(1990, 2031)), ("the model of {}", "{}年的新款", "since {}"), frozenset()),
        (
            "version",
            lambda: ".".join(str(choose.randrange(30)) for _ in range(4)),
            ("version {}", "firmware {}", "版本{}"),
            frozenset(),
        ),
        ("short version", lambda: ".".join(str(choose.randrange(30)) for _ in range(3)), _PLAIN, frozenset()),
        (
            "quantity",
            lambda: f"{choose.randrange(2, 9_999)} {choose.choice(('ml', 'g', 'pieces', 'km', 'W', 'mAh'))}",
            _PLAIN,
            frozenset(),
        ),
        (
            "measure",
            lambda: f"{choose.randrange(20, 300)}x{choose.randrange(20, 300)}x{choose.randrange(20, 300)} cm",
            _PLAIN,
            frozenset(),
        ),
        (
            "address in the house",
            lambda: f"192.168.{choose.randrange(256)}.{choose.randrange(256)}",
            _PLAIN,
            frozenset(),
        ),
        ("page", lambda: f"https://shop.{us.domain_name()}/help/returns", _PLAIN, frozenset()),
        (
            "model",
            lambda: us.bothify("??-####").upper(),
            ("do you sell the {}?", "有{}吗", "is the {} better"),
            frozenset(),
        ),
        ("words", lambda: us.sentence(nb_words=8), ("{}",), frozenset()),
        ("sixteen digits that fail", lambda: people.digits(16), ("parcel {}", "it says {}", "运单{}"), cased),
        (
            "twelve to nineteen digits that fail",
            lambda: people.digits(choose.randrange(12, 20)),
            ("parcel {}", "单号{}"),
            cased,
        ),
        ("eighteen digits that fail", lambda: _wrong_id(people), ("单号{}", "it says {}"), cased),
        ("IBAN that fails", lambda: _wrong_iban(people), ("reference {}", "it says {}"), cased),
    )
    return [Source(group=group, make=make, frames=frames, fair=fair) for group, make, frames, fair in rows]


def _wrong_id(people: People) -> str:
    number: str = people.faker("zh_CN").ssn()
    return number[:-1] + people.choose.choice([digit for digit in "0123456789" if digit != number[-1]])


def _wrong_iban(people: People) -> str:
    number: str = people.faker("de_DE").iban()
    return number[:-1] + people.choose.choice([digit for digit in "0123456789" if digit != number[-1]])
