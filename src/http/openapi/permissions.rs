//! The customer's own page: pages for a browser that the bank sends.

use super::{
    authorize::browser,
    parts::{form_body, object, operation, page_answer, path_parameter, query, redirect_answer, required, text, word},
};
use utoipa::openapi::{
    ObjectBuilder, Type,
    path::{Operation, OperationBuilder, Parameter},
};

const TAG: &str = "Customer pages";

pub fn open() -> Operation {
    let link = path_parameter("link", "The secret that the bank's back end was given.", ObjectBuilder::new().schema_type(Type::String));
    page("openPermissions", "Begin a visit", "Opens once, and gives the browser a cookie of its own.")
        .parameter(link)
        .response("303", redirect_answer("To the list.", "The list of permissions.", []))
        .response("410", page_answer("The link was used or has expired: a page."))
        .build()
}

pub fn list() -> Operation {
    let state = word("One of the two lists alone.", ["active", "ended"]);
    on_visit("listPermissions", "List what the customer has allowed", "What is alive, and what ended in the last two years.")
        .parameter(query("state", false, "Which list.", state))
        .parameter(query("after", false, "Older than this one.", ObjectBuilder::new().schema_type(Type::String)))
        .response("200", page_answer("The list."))
        .response("400", page_answer("The query cannot be read: a page."))
        .build()
}

pub fn one() -> Operation {
    on_visit("showPermission", "Show one permission", "With the question whether to end it.")
        .parameter(grant())
        .response("200", page_answer("The permission."))
        .build()
}

pub fn end() -> Operation {
    let form =
        object("The customer's decision.", [required("decision", word("The button.", ["end"])), required("csrf", text("From the page."))]);
    on_visit("endPermission", "End a permission", "The form of the page is sent here.")
        .parameter(grant())
        .request_body(Some(form_body("The form of the page.", form.build())))
        .response("303", redirect_answer("To the permission, which has ended.", "The permission's own page.", []))
        .response("400", page_answer("The form cannot be read: a page."))
        .response("408", page_answer("The form did not arrive in time: a page."))
        .response("413", page_answer("The form is too large: a page."))
        .response("415", page_answer("Not a form: a page."))
        .build()
}

fn page(id: &str, summary: &str, description: &str) -> OperationBuilder {
    let description = format!("{description} For the browser of a customer whom the bank recognised; not for TPPs' software.");
    browser(operation(id, TAG, summary, description))
}

fn on_visit(id: &str, summary: &str, description: &str) -> OperationBuilder {
    page(id, summary, description).response("403", page_answer("There is no visit, it is over, or the form is not ours: a page."))
}

fn grant() -> Parameter {
    path_parameter("id", "The permission, from the list.", ObjectBuilder::new().schema_type(Type::String))
}
