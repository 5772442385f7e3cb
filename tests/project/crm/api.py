"""An API with django-ninja."""

from django.http import HttpRequest
from ninja import NinjaAPI, Schema

from crm.models import Contact
from tokens.ninja import TokenAuth

api = NinjaAPI(urls_namespace="crm")


class NewContact(Schema):
    """The body of a request that adds a contact."""

    name: str


@api.get("/contacts", auth=TokenAuth("crm:read"))
def contacts(request: HttpRequest) -> list[str]:
    return [contact.name for contact in Contact.objects.order_by("pk")]


@api.post("/contacts", auth=TokenAuth("crm:write"))
def add_contact(request: HttpRequest, new: NewContact) -> dict[str, str]:
    Contact.objects.create(name=new.name)
    return {"by": request.user.name, "with": request.auth.name}


@api.get("/contacts/count", auth=TokenAuth("crm:read"))
async def count_contacts(request: HttpRequest) -> int:
    return await Contact.objects.acount()
