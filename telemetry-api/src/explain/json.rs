//! Explanations as JSON: an interface. Fields are added, never changed or taken away, without a new version.

use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, FieldAnswer, FieldAtClass, OverriddenBy, Reason, What};
use super::model::{
    Bystander, ClassExplanation, Contribution, Explanation, Fact, Lost, Overridden, Remark, Section,
};
use crate::origin::{Origin, Place};
use crate::problem::Problem;
use crate::resolve::{MetricName, Workload};

/// The version of this interface.
const VERSION: u32 = 1;

impl Explanation {
    /// The explanation for programs.
    pub fn to_json(&self) -> Json {
        let documents = self.documents.iter().map(|Contribution { document, place, why }| {
            with_place(place, [("document", json!(document.to_string())), ("why", json!(why))])
        });
        let others = self.others.iter().map(|Bystander { document, place, why }| {
            with_place(place, [("document", json!(document.to_string())), ("why", json!(why))])
        });
        json!({
            "version": VERSION,
            "workload": workload(&self.workload),
            "has_mesh_config": self.has_mesh_config,
            "documents": documents.collect::<Vec<_>>(),
            "others": others.collect::<Vec<_>>(),
            "classes": self.classes.iter().map(class).collect::<Vec<_>>(),
        })
    }
}

/// Answers for programs.
pub fn answers_to_json(answers: &[Answer]) -> Json {
    json!({"version": VERSION, "answers": answers.iter().map(Answer::to_json).collect::<Vec<_>>()})
}

impl Answer {
    fn to_json(&self) -> Json {
        let place = self.place.as_ref();
        json!({
            "document": self.document.to_string(),
            "file": place.map(|place| place.file.to_string()),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "workload": workload(&self.workload),
            "effect": self.effect.name(),
            "reasons": self.reasons.iter().map(reason).collect::<Vec<_>>(),
            "fields": self.fields.iter().map(field).collect::<Vec<_>>(),
            "remarks": self.remarks.iter().map(remark).collect::<Vec<_>>(),
        })
    }
}

fn workload(workload: &Workload) -> Json {
    json!({
        "namespace": workload.namespace,
        "name": workload.name,
        "kind": workload.kind.name(),
        "cluster": workload.cluster,
        "revision": workload.revision,
        "labels": workload.labels,
    })
}

fn with_place<const N: usize>(place: &Place, fields: [(&str, Json); N]) -> Json {
    let place = [("file", json!(&*place.file)), ("line", json!(place.line)), ("column", json!(place.column))];
    fields.into_iter().chain(place).map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
}

fn class(class: &ClassExplanation) -> Json {
    let mut object = Map::new();
    object.insert("class".to_owned(), json!(class.class.name()));
    for section in &class.sections {
        object.insert(section.signal.name().to_owned(), self::section(section));
    }
    object.into()
}

fn section(section: &Section) -> Json {
    let lost = |Lost { origin, value, cause, why }: &Lost| json!({"value": value.json, "from": self::origin(origin), "cause": cause.name(), "why": why});
    json!({
        "facts": section.facts.iter().map(fact).collect::<Vec<_>>(),
        "lost": section.lost.iter().map(lost).collect::<Vec<_>>(),
        "remarks": section.remarks.iter().map(remark).collect::<Vec<_>>(),
    })
}

fn fact(fact: &Fact) -> Json {
    let overrode = |Overridden { value, origin }: &Overridden| json!({"value": value.json, "from": self::origin(origin)});
    let mut object = what(&What::from(fact));
    object.insert("value".to_owned(), fact.value.json.clone());
    object.insert("text".to_owned(), json!(fact.value.text));
    object.insert("from".to_owned(), origin(&fact.origin));
    object.insert("why".to_owned(), json!(fact.why));
    object.insert("overrode".to_owned(), fact.overrode.iter().map(overrode).collect());
    object.insert("moot".to_owned(), json!(fact.moot));
    object.into()
}

fn what(what: &What) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("of".to_owned(), json!(what.of));
    object.insert("metric".to_owned(), json!(what.metric.as_ref().map(MetricName::api_name)));
    object.insert("field".to_owned(), json!(what.field));
    object
}

/// Where a value comes from.
pub(crate) fn origin(origin: &Origin) -> Json {
    match origin {
        Origin::Document { document, path, place } => json!({
            "document": document.to_string(),
            "path": &**path,
            "file": &*place.file,
            "line": place.line,
            "column": place.column,
            "rule": null,
        }),
        Origin::Rule(rule) => {
            json!({"document": null, "path": "", "file": null, "line": null, "column": null, "rule": rule})
        }
    }
}

fn remark(remark: &Remark) -> Json {
    json!({
        "text": remark.text,
        "code": remark.code.map(|code| code.0),
        "from": remark.origin.as_ref().map(origin),
    })
}

fn reason(reason: &Reason) -> Json {
    let place = reason.place.as_ref();
    json!({
        "kind": reason.kind.name(),
        "text": reason.text,
        "file": place.map(|place| place.file.to_string()),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "help": reason.help,
        "problems": reason.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn problem(problem: &Problem) -> Json {
    let place = problem.place.as_ref();
    json!({
        "code": problem.code.0,
        "severity": problem.severity.name(),
        "file": place.map(|place| place.file.to_string()),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "path": problem.path,
        "message": problem.message,
        "help": problem.help,
    })
}

fn field(field: &FieldAnswer) -> Json {
    json!({
        "value": field.value.json,
        "from": origin(&field.origin),
        "classes": field.classes.iter().map(at_class).collect::<Vec<_>>(),
    })
}

fn at_class(at: &FieldAtClass) -> Json {
    let overridden = |by: &OverriddenBy| {
        let mut object = what(&by.what);
        object.insert("by".to_owned(), by.value.json.clone());
        object.insert("from".to_owned(), origin(&by.origin));
        object.insert("why".to_owned(), json!(by.why));
        Json::Object(object)
    };
    json!({
        "class": at.class.name(),
        "in_force": at.in_force.iter().map(|of| Json::Object(what(of))).collect::<Vec<_>>(),
        "overridden": at.overridden.iter().map(overridden).collect::<Vec<_>>(),
        "lost": at.lost.as_ref().map(|(cause, why)| json!({"cause": cause.name(), "why": why})),
    })
}
