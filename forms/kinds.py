"""Every kind of question by the word a form file uses for it."""

from forms.field_agreement import Agreement, Agreements
from forms.field_decision import Decision
from forms.field_phone import PhoneWithCode
from forms.field_photo import IdCardPhoto, SignaturePhoto
from forms.field_validity import ValidityRange
from forms.field_witness import Certificate, Video
from forms.fields import Checkbox, Checklist, Day, Kind, Number, OneChoice, Radio, TextArea, TextField

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        TextField(),
        TextArea(),
        Number(),
        Day(),
        Checkbox(),
        Radio(),
        OneChoice(),
        Checklist(),
        IdCardPhoto(),
        SignaturePhoto(),
        ValidityRange(),
        PhoneWithCode(),
        Agreement(),
        Agreements(),
        Decision(),
        Video(),
        Certificate(),
    )
}
