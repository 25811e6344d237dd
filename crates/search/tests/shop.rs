//! What is found, in what order, and why: questions about a little shop.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::assigning_clones,
    reason = "a broken fixture is a failed test"
)]

use search::{Answer, Document, Field, Index, Kind, Query, Stamp};

fn function(module: &str, name: &str, arity: u8) -> Document {
    let mut document = Document::new(&format!("{module}.{name}/{arity}"), Kind::Function, module, name);
    document.arity = Some(arity);
    document
}

fn documents() -> Vec<(&'static str, Vec<Document>)> {
    let mut reserve = function("Shop.Stock", "reserve", 2);
    reserve.doc = "Puts goods aside for an order until it is paid.".to_owned();
    reserve.calls = "Enum.map Shop.Stock.take".to_owned();
    reserve.identifiers = "order_id lines goods".to_owned();
    let mut take = function("Shop.Stock", "take_from_shelf", 2);
    take.is_public = false;
    take.literals = "out of stock\u{1e}shelf".to_owned();
    let mut release = function("Shop.Stock", "release", 1);
    release.doc = "Gives reserved goods back.".to_owned();
    let mut stock = Document::new("Shop.Stock", Kind::Module, "Shop.Stock", "Shop.Stock");
    stock.doc = "The warehouse.".to_owned();
    let mut place = function("Shop.Web.Orders", "place", 1);
    place.calls = "Shop.Stock.reserve".to_owned();
    let mut test = function("Shop.StockTest", "reserve", 2);
    test.doc = "Puts goods aside for an order until it is paid.".to_owned();
    let mut operator = function("Shop.Price", "+++", 2);
    operator.doc = "Adds amounts.".to_owned();
    vec![
        ("lib/shop/stock.ex", vec![stock, reserve, take, release]),
        ("lib/shop/web/orders.ex", vec![place]),
        ("lib/shop/price.ex", vec![operator]),
        ("test/shop/stock_test.exs", vec![test]),
    ]
}

fn shop() -> Index {
    let mut index = Index::memory().unwrap();
    for (path, documents) in documents() {
        index.replace(path, Stamp::default(), &documents).unwrap();
    }
    index.commit().unwrap();
    index
}

fn ask(index: &Index, query: &str) -> Answer {
    index.search(&query.parse::<Query>().unwrap(), 10).unwrap()
}

fn ids(index: &Index, query: &str) -> Vec<String> {
    ask(index, query).hits.into_iter().map(|hit| hit.id).collect()
}

/// Scenario: a function by its whole name, a part of its module's path, its name and arity, and an operator.
/// Guarantee: it stands first and is marked as exact.
#[test]
fn an_exact_name_stands_first() {
    let index = shop();
    for query in [
        "Shop.Stock.reserve/2",
        "Stock.reserve",
        "stock.reserve/2",
        "reserve/2",
        "reserve",
        "reserve goods",
    ] {
        let answer = ask(&index, query);
        assert_eq!(answer.hits[0].id, "Shop.Stock.reserve/2", "{query}");
    }
    assert!(ask(&index, "Stock.reserve/2").hits[0].is_exact);
    assert!(!ask(&index, "Stock.reserve/3").hits[0].is_exact);
    assert_eq!(ids(&index, "+++"), ["Shop.Price.+++/2"]);
    assert_eq!(ids(&index, "Shop.Stock")[0], "Shop.Stock");
}

/// Scenario: the parts of a name in words, in another order, as snake and as camel case. Guarantee: the function.
#[test]
fn a_name_is_found_by_its_parts() {
    let index = shop();
    for query in [
        "take from shelf",
        "shelf take",
        "take_from_shelf",
        "TakeFromShelf",
        "takefromshelf",
    ] {
        assert_eq!(ids(&index, query)[0], "Shop.Stock.take_from_shelf/2", "{query}");
    }
}

/// Scenario: words of a documentation, in another number. Guarantee: the function of the library before the test that
/// says the same, and the answer says where the words are.
#[test]
fn documentation_is_found_and_tests_stand_behind() {
    let index = shop();
    let answer = ask(&index, "put good aside");
    let found: Vec<&str> = answer.hits.iter().map(|hit| hit.id.as_str()).collect();
    assert_eq!(found[..2], ["Shop.Stock.reserve/2", "Shop.StockTest.reserve/2"]);
    let reason = &answer.hits[0].why[0];
    assert_eq!(
        (reason.word.as_str(), reason.fields.as_slice()),
        ("put", &[Field::Doc][..])
    );
    let good = &answer.hits[0].why[1];
    assert_eq!(good.fields, [Field::Doc, Field::Identifiers]);
}

/// Scenario: each filter, alone, with words, and against words. Guarantee: nothing else is found.
#[test]
fn filters_narrow() {
    let index = shop();
    assert_eq!(ids(&index, "kind:module"), ["Shop.Stock"]);
    assert_eq!(ids(&index, "reserve in:Shop.Web"), ["Shop.Web.Orders.place/1"]);
    assert_eq!(ids(&index, "in:shop.web"), ["Shop.Web.Orders.place/1"]);
    assert!(ids(&index, "in:Shop.Sto").is_empty());
    assert_eq!(ids(&index, "reserve path:test"), ["Shop.StockTest.reserve/2"]);
    assert_eq!(ids(&index, "path:shop/price"), ["Shop.Price.+++/2"]);
    assert_eq!(ids(&index, "path:shop/price.ex").len(), 1);
    assert!(ids(&index, "path:lib/price.ex").is_empty());
    let without_tests = ids(&index, "reserve -path:test");
    assert!(!without_tests.contains(&"Shop.StockTest.reserve/2".to_owned()));
    assert!(without_tests.contains(&"Shop.Stock.reserve/2".to_owned()));
    assert_eq!(ids(&index, "goods -aside"), ["Shop.Stock.release/1"]);
    assert_eq!(
        ids(&index, "goods -Shop.Stock.release/1 -path:test"),
        ["Shop.Stock.reserve/2"]
    );
    assert_eq!(ids(&index, "kind:module kind:function in:Shop.Stock").len(), 4);
}

/// Scenario: a phrase that is there, one in another order, one across two texts, and one with a word beside it.
/// Guarantee: only words next to one another in one text are a phrase, and the phrase must be there.
#[test]
fn a_phrase_is_words_in_order() {
    let index = shop();
    assert_eq!(ids(&index, "\"out of stock\""), ["Shop.Stock.take_from_shelf/2"]);
    assert!(ids(&index, "\"stock of out\"").is_empty());
    assert!(ids(&index, "\"stock shelf\"").is_empty());
    assert_eq!(
        ids(&index, "\"out of stock\" reserve"),
        ["Shop.Stock.take_from_shelf/2"]
    );
    assert_eq!(
        ids(&index, "reserve goods -\"goods aside\""),
        // More texts say `goods` than call `reserve`.
        ["Shop.Web.Orders.place/1", "Shop.Stock.release/1"]
    );
}

/// Scenario: a phrase and a folder that are excluded, with documents found on both sides of those that have them.
/// Guarantee: exactly those that have them are missing.
#[test]
fn what_is_excluded_may_stand_anywhere() {
    let mut index = Index::memory().unwrap();
    for at in 0..20u32 {
        let mut document = function("Shop", &format!("ship_{at}"), 1);
        document.doc = if at % 7 == 3 { "over night" } else { "night over" }.to_owned();
        let path = format!("lib/{}/a{at}.ex", if at % 5 == 4 { "web/api" } else { "api/web" });
        index.replace(&path, Stamp::default(), &[document]).unwrap();
    }
    index.commit().unwrap();
    let count = |query: &str| {
        let answer = index.search(&query.parse::<Query>().unwrap(), 100).unwrap();
        answer.hits.len()
    };
    assert_eq!(count("night"), 20);
    assert_eq!(count("night -\"over night\""), 17);
    assert_eq!(count("night -path:web/api"), 16);
    assert_eq!(count("night -path:web/api -\"over night\" -4"), 13);
}

/// Scenario: a word with one wrong letter, one with two, a short one, and the beginning of a word. Guarantee: one error in
/// a word that nothing has is forgiven, and the answer says what was taken.
#[test]
fn one_typing_error_is_forgiven() {
    let index = shop();
    let answer = ask(&index, "resrve");
    assert_eq!(answer.hits[0].id, "Shop.Stock.reserve/2");
    assert_eq!(answer.instead[0].typed, "resrve");
    assert_eq!(answer.instead[0].taken, ["reserve"]);
    assert!(ids(&index, "rezrve").is_empty());
    assert!(ids(&index, "shlf").is_empty());
    let answer = ask(&index, "wareh");
    assert_eq!(answer.instead[0].taken, ["warehouse"]);
    assert_eq!(answer.hits[0].id, "Shop.Stock");
    assert!(ask(&index, "reserve").instead.is_empty());
}

/// Scenario: two documents that differ only in how much leads to them, and two that differ in nothing that counts.
/// Guarantee: the more important one first; equal ones by path and id, whichever was put in first.
#[test]
fn importance_and_then_the_name_decide() {
    let mut important = function("Shop.B", "ship", 1);
    important.importance = 0.9;
    let files = [
        ("lib/a.ex", function("Shop.A", "ship", 1)),
        ("lib/b.ex", important),
        ("lib/c.ex", function("Shop.C", "ship", 1)),
    ];
    for order in [[0, 1, 2], [2, 1, 0]] {
        let mut index = Index::memory().unwrap();
        for at in order {
            let (path, document) = &files[at];
            index
                .replace(path, Stamp::default(), std::slice::from_ref(document))
                .unwrap();
            index.commit().unwrap();
        }
        assert_eq!(
            ids(&index, "ship"),
            ["Shop.B.ship/1", "Shop.A.ship/1", "Shop.C.ship/1"]
        );
    }
}

/// Scenario: more hits than asked for. Guarantee: the best ones, as many as asked for; none for 0.
#[test]
fn the_limit_holds() {
    let index = shop();
    let query: Query = "reserve".parse().unwrap();
    assert_eq!(index.search(&query, 1).unwrap().hits.len(), 1);
    assert!(index.search(&query, 0).unwrap().hits.is_empty());
    assert!(index.search(&query, usize::MAX).unwrap().hits.len() > 1);
}
