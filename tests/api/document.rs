//! The document that describes the API says what the server does.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::http::{ask, send};
use crate::manager::Served;

/// An OpenAPI document, as far as it is used here.
pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn of(socket: &Path) -> Self {
        Self(ask(socket, "GET", "/v1/openapi.json").json())
    }

    /// Method and path of each operation, with what is said of it.
    fn operations(&self) -> impl Iterator<Item = (String, &str, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        })
    }

    /// Fails where an answer is not as the document says.
    pub(crate) fn check(&self, method: &str, path: &str, status: u16, body: &Value) {
        let answer = &self.0["paths"][path][method]["responses"][status.to_string()];
        let content =
            answer["content"].as_object().unwrap_or_else(|| panic!("{method} {path} {status}: {answer}"));
        let schema = &content.values().next().unwrap()["schema"];
        if let Err(reason) = self.fits(schema, body, "body") {
            panic!("{method} {path} {status}: {reason}\n{body:#}");
        }
    }

    /// Whether a value is as a schema says: the keywords that this document uses.
    fn fits(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.0.pointer(reference.strip_prefix('#').unwrap());
            return self.fits(target.ok_or(format!("no {reference}"))?, value, place);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fitting = choices.iter().filter(|choice| self.fits(choice, value, place).is_ok()).count();
            return if fitting == 1 { Ok(()) } else { Err(format!("{place} fits {fitting} of {choices:?}")) };
        }
        let kinds = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
            _ => return Err(format!("{place} has a schema without a type: {schema}")),
        };
        if !kinds.iter().any(|kind| is(value, kind)) {
            return Err(format!("{place} is {value}, not {kinds:?}"));
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            return Err(format!("{place} is {value}, not one of {allowed:?}"));
        }
        self.bounds(schema, value, place)?;
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.fits(&schema["items"], item, &format!("{place}[{index}]"))?;
        }
        value.as_object().map_or(Ok(()), |_| self.fields(schema, value, place))
    }

    fn bounds(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let number = value.as_f64().or_else(|| Some(value.as_array()?.len() as f64));
        for (least, most) in [("minimum", "maximum"), ("minItems", "maxItems")] {
            let (least, most) = (schema[least].as_f64(), schema[most].as_f64());
            let below = number.zip(least).is_some_and(|(number, least)| number < least);
            if below || number.zip(most).is_some_and(|(number, most)| number > most) {
                return Err(format!("{place} is {value}, not from {least:?} to {most:?}"));
            }
        }
        Ok(())
    }

    fn fields(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        for name in schema["required"].as_array().into_iter().flatten() {
            if value.get(name.as_str().unwrap()).is_none() {
                return Err(format!("{place} has no {name}"));
            }
        }
        for (name, field) in value.as_object().into_iter().flatten() {
            // An answer has no field that the document does not know.
            let known =
                schema["properties"].get(name).ok_or(format!("{place}.{name} is not in the document"))?;
            self.fits(known, field, &format!("{place}.{name}"))?;
        }
        Ok(())
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// The requests in the table of the module's own documentation.
fn table() -> BTreeSet<(String, String)> {
    let text = include_str!("../../src/control/api/mod.rs");
    let mut found = BTreeSet::new();
    for cell in text.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let (request, rest) = cell.split_once('`').unwrap();
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap().replace("NAME", "{name}").replace("GPU", "{gpu}");
        if rest.starts_with(", `.../stop`") {
            found.insert((method.to_owned(), path.replace("start", "stop")));
        }
        found.insert((method.to_owned(), path));
    }
    found
}

#[test]
fn the_document_the_table_and_the_routes_are_the_same() {
    let served = Served::start();
    let document = Document::of(&served.socket());
    let described: BTreeSet<(String, String)> =
        document.operations().map(|(method, path, _)| (method, path.to_owned())).collect();

    assert_eq!(described, table());
    let paths: BTreeSet<&String> = described.iter().map(|(_, path)| path).collect();
    for path in paths {
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let described = described.contains(&(method.to_owned(), path.clone()));
            let answer = ask(&served.socket(), method, &path.replace("{name}", "a").replace("{gpu}", "a"));
            assert_eq!(answer.status != 405, described, "{method} {path}: {}", answer.head);
            let unknown = answer.status == 404 && answer.error().1 == "no_such_request";
            assert!(!unknown, "{method} {path} is described and not there");
        }
    }
}

#[test]
fn every_operation_says_what_it_does_and_every_error_is_a_refusal() {
    let served = Served::start();
    let document = Document::of(&served.socket());
    assert_eq!(document.0["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (method, path, operation) in document.operations() {
        let place = format!("{method} {path}");
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{place}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.contains_key("500") && answers.contains_key("503"), "{place}");
        let names = |parameter: &str| path.contains(&format!("{{{parameter}}}"));
        let may_be_missing = names("name") && method != "PUT" || names("gpu");
        assert_eq!(may_be_missing, answers.contains_key("404"), "{place}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for name in ["name", "gpu"] {
            let mut described = parameters.clone();
            let described = described.any(|parameter| parameter["name"] == name && parameter["in"] == "path");
            assert_eq!(names(name), described, "{place}");
        }
        for parameter in parameters {
            assert!(parameter["description"].is_string(), "{place}: {parameter}");
        }
        let has_body = operation.get("requestBody").is_some();
        for status in ["408", "413", "415"] {
            assert_eq!(has_body, answers.contains_key(status), "{place} {status}");
        }
        for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let schema = &answer["content"]["application/json"]["schema"];
            assert_eq!(schema["$ref"], "#/components/schemas/ErrorBody", "{place} {status}");
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{place} {status}");
        }
    }
}

#[test]
fn every_field_is_described_and_texts_of_a_kind_have_a_pattern() {
    let served = Served::start();
    let document = Document::of(&served.socket());
    let schemas = document.0["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        for (field, shape) in schema["properties"].as_object().into_iter().flatten() {
            let parts = shape["oneOf"].as_array().into_iter().flatten().chain([shape]);
            let described =
                parts.clone().any(|part| part["description"].is_string() || part["$ref"].is_string());
            assert!(described, "{name}.{field}: {shape}");
        }
    }
    for (schema, field) in
        [("Head", "size"), ("Limits", "memory"), ("SocketAccess", "mode"), ("HeadChange", "size")]
    {
        assert!(schemas[schema]["properties"][field]["pattern"].is_string(), "{schema}.{field}");
    }
    for schema in [
        "Profile",
        "Head",
        "Limits",
        "SocketAccess",
        "Share",
        "VgpuSpec",
        "VgpuChange",
        "HeadChange",
        "ShareChange",
        "GpuChange",
    ] {
        assert_eq!(schemas[schema]["additionalProperties"], false, "{schema}");
    }
}

#[test]
fn the_documents_own_examples_are_taken() {
    let served = Served::start();
    let document = Document::of(&served.socket());
    let bodies: Vec<_> =
        document.operations().filter(|(.., operation)| operation.get("requestBody").is_some()).collect();
    assert_eq!(bodies.len(), 3);
    // A vGPU is made before it is changed.
    for (method, of) in [("PUT", "/v1/vgpus/"), ("PATCH", "/v1/vgpus/"), ("PATCH", "/v1/gpus/")] {
        let is_it = |found: &str, path: &str| found == method && path.starts_with(of);
        let (_, path, operation) = bodies.iter().find(|(found, path, _)| is_it(found, path)).unwrap();
        let content = &operation["requestBody"]["content"]["application/json"];
        let example = &content["example"];
        document.fits(&content["schema"], example, "example").unwrap();
        let answer = send(
            &served.socket(),
            method,
            &path.replace("{name}", "a").replace("{gpu}", "llvmpipe"),
            &example.to_string(),
        );
        assert!((200..300).contains(&answer.status), "{method}: {}", answer.json());
    }
}
