//! A subscriber that keeps all it is told, at every level.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::{LookupSpan, Registry},
};

pub(super) const TARGET: &str = "tower_sinch_auth";

/// Clones share what was seen.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Record>>>);

/// One span or event.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) level: Level,
    pub(super) target: String,
    /// The name of a span, the message of an event.
    pub(super) name: String,
    /// The fields that it may have, the message apart.
    pub(super) declared: BTreeSet<String>,
    pub(super) fields: BTreeMap<String, String>,
    /// The name of the span that it is in.
    pub(super) parent: Option<String>,
    /// The name of the span that it follows from.
    pub(super) follows: Option<String>,
    pub(super) is_span: bool,
    /// Present while the span is open.
    id: Option<span::Id>,
}

// === impl Log ===

impl Log {
    /// Listens on this thread until the guard is dropped.
    pub(super) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        super::listen(Registry::default().with(self.clone()))
    }

    pub(super) fn all(&self) -> Vec<Record> {
        self.lock().clone()
    }

    /// What this crate said.
    pub(super) fn ours(&self) -> Vec<Record> {
        self.all().into_iter().filter(|record| record.target == TARGET).collect()
    }

    pub(super) fn flights(&self) -> Vec<Record> {
        self.ours().into_iter().filter(|record| record.is_span).collect()
    }

    pub(super) fn events(&self) -> Vec<Record> {
        self.ours().into_iter().filter(|record| !record.is_span).collect()
    }

    pub(super) fn events_named(&self, name: &str) -> Vec<Record> {
        self.events().into_iter().filter(|record| record.name == name).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap()
    }

    fn with_open(&self, id: &span::Id, change: impl FnOnce(&mut Record)) {
        let mut records = self.lock();
        let open = records.iter_mut().rev().find(|record| record.id.as_ref() == Some(id));
        change(open.expect("the span is open"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| Some(span.parent()?.name().to_owned()));
        let mut record = Record::new(attributes.metadata(), parent);
        attributes.record(&mut record);
        record.id = Some(id.clone());
        self.lock().push(record);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _context: Context<'_, S>) {
        self.with_open(id, |record| values.record(record));
    }

    fn on_follows_from(&self, id: &span::Id, follows: &span::Id, context: Context<'_, S>) {
        let follows = context.span(follows).map(|span| span.name().to_owned());
        self.with_open(id, |record| record.follows = follows);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let parent = context.event_span(event).map(|span| span.name().to_owned());
        let mut record = Record::new(event.metadata(), parent);
        event.record(&mut record);
        record.name = record.fields.remove("message").unwrap_or_default();
        self.lock().push(record);
    }

    fn on_close(&self, id: span::Id, _context: Context<'_, S>) {
        self.with_open(&id, |record| record.id = None);
    }
}

// === impl Record ===

impl Record {
    fn new(metadata: &Metadata<'_>, parent: Option<String>) -> Self {
        let declared = metadata.fields().iter().map(|field| field.name().to_owned());
        Self {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            name: metadata.name().to_owned(),
            declared: declared.filter(|name| name != "message").collect(),
            fields: BTreeMap::new(),
            parent,
            follows: None,
            is_span: metadata.is_span(),
            id: None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.id.is_none()
    }

    /// The value of a field, as it is printed; empty if there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    #[track_caller]
    pub(super) fn seconds(&self, name: &str) -> f64 {
        self.field(name).parse().expect("a number of seconds")
    }
}

impl Visit for Record {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
