//! Ids are handed on through commits that rename, move and take apart.

use codegraph::lineage::{Evidence, LineageKind};
use repo_sync::history::{Moment, What};

use crate::support::{Git, SHOW, Store, TAKE, module};

fn kinds(moment: &Moment) -> Vec<LineageKind> {
    let mut kinds: Vec<LineageKind> = moment
        .what
        .iter()
        .filter_map(|what| match what {
            What::Became(kind, ..) => Some(*kind),
            _ => None,
        })
        .collect();
    kinds.sort_unstable();
    kinds
}

/// Scenario: a function is renamed, then edited, then its module is renamed, then its file. Guarantee: one id all along;
/// each commit is in its past with what happened, and with its name and file of then.
#[test]
fn a_function_is_followed_through_renames() {
    let mut git = Git::new();
    let first = git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE, SHOW]));
    let reserve = TAKE.replace("take", "reserve");
    let second = git.save("lib/stock.ex", &module("Shop.Stock", &[&reserve, SHOW]));
    let edited = reserve.replace("left < 0", "left < 1");
    let third = git.save("lib/stock.ex", &module("Shop.Stock", &[&edited, SHOW]));
    let fourth = git.save("lib/stock.ex", &module("Shop.Depot", &[&edited, SHOW]));
    git.run(&["mv", "lib/stock.ex", "lib/depot.ex"]);
    let fifth = git.commit("another file");
    git.save("lib/other.ex", &module("Shop.Other", &[]));
    let store = Store::of(&git);
    let id = store.id(&first, "Shop.Stock.take/2");
    assert_eq!(store.id("main", "Shop.Depot.reserve"), id);
    let past = store.past("Shop.Depot.reserve/2");
    let found: Vec<(String, String, String)> = past
        .iter()
        .map(|moment| {
            let commit = moment.commit.as_ref().unwrap().to_string();
            (commit, moment.named.name.clone(), moment.named.path.clone())
        })
        .collect();
    let expected = [
        (&fifth, "Shop.Depot.reserve/2", "lib/depot.ex"),
        (&third, "Shop.Stock.reserve/2", "lib/stock.ex"),
        (&second, "Shop.Stock.reserve/2", "lib/stock.ex"),
        (&first, "Shop.Stock.take/2", "lib/stock.ex"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(commit, name, path)| ((*commit).clone(), (*name).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        past[0].what,
        vec![What::File {
            from: "lib/stock.ex".to_owned()
        }]
    );
    assert_eq!(kinds(&past[1]), [LineageKind::Edited]);
    assert_eq!(
        past[2].what,
        vec![What::Became(LineageKind::Renamed, Evidence::Alpha, 1000)]
    );
    assert_eq!(past[3].what, vec![What::Added]);
    assert_eq!(past[3].time_s, 1_700_000_060);
    let module = store.past("Shop.Depot");
    assert_eq!(kinds(&module[1]), [LineageKind::Renamed]);
    assert_eq!(module[1].commit.as_ref().unwrap().to_string(), fourth);
}

/// Scenario: a function moves to a module in another file. Guarantee: the same id there; the comparison says moved, and
/// says nothing of what stayed.
#[test]
fn a_function_is_followed_into_another_module() {
    let mut git = Git::new();
    git.write("lib/view.ex", module("Shop.View", &[]));
    let first = git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE, SHOW]));
    git.write("lib/view.ex", module("Shop.View", &[SHOW]));
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    let store = Store::of(&git);
    assert_eq!(
        store.id(&first, "Shop.Stock.show/1"),
        store.id("main", "Shop.View.show/1")
    );
    let comparison = store.compare(&first, "main");
    assert_eq!((comparison.files, comparison.related), (2, true));
    let functions: Vec<_> = comparison
        .differences
        .iter()
        .filter(|one| {
            one.new
                .as_ref()
                .is_some_and(|new| new.name.contains('/') && !new.name.contains(".ex"))
        })
        .collect();
    assert_eq!(functions.len(), 1, "{functions:?}");
    assert_eq!(functions[0].kinds, [LineageKind::Moved]);
    assert_eq!(functions[0].old.as_ref().unwrap().name, "Shop.Stock.show/1");
    assert_eq!(functions[0].new.as_ref().unwrap().path, "lib/view.ex");
}

/// Scenario: a part of a function becomes a function of its own; another function is removed. Guarantee: the comparison
/// says extracted, and from which; removed of the other; the extracted one's past begins there.
#[test]
fn an_extracted_function_says_where_it_came_from() {
    let mut git = Git::new();
    let long = "  def order(cart, user) do
    total = Enum.reduce(cart.items, 0, fn item, sum -> sum + item.price * item.count end)
    discount = if user.vip, do: div(total, 10), else: 0
    charged = Payment.charge(user.card, total - discount, currency: :eur)
    Logger.info(\"charged\", user: user.id, total: total)
    Repo.insert(%Order{user: user.id, total: total, state: charged})
  end
";
    let first = git.save("lib/shop.ex", &module("Shop", &[long, SHOW]));
    let short = "  def order(cart, user) do
    total = total(cart)
    discount = if user.vip, do: div(total, 10), else: 0
    charged = Payment.charge(user.card, total - discount, currency: :eur)
    Logger.info(\"charged\", user: user.id, total: total)
    Repo.insert(%Order{user: user.id, total: total, state: charged})
  end
";
    let total = "  defp total(cart) do
    Enum.reduce(cart.items, 0, fn item, sum -> sum + item.price * item.count end)
  end
";
    let second = git.save("lib/shop.ex", &module("Shop", &[short, total]));
    let store = Store::of(&git);
    let comparison = store.compare(&first, "main");
    let find = |name: &str| {
        let called = |one: &&repo_sync::history::Difference| {
            one.new
                .as_ref()
                .or(one.old.as_ref())
                .is_some_and(|named| named.name == name)
        };
        comparison.differences.iter().find(called).unwrap()
    };
    let extracted = find("Shop.total/1");
    assert_eq!(
        extracted.other,
        Some((LineageKind::Extracted, "Shop.order/2".to_owned()))
    );
    assert!(extracted.confidence > 500, "{extracted:?}");
    assert_eq!(find("Shop.order/2").kinds, [LineageKind::Edited]);
    assert_eq!(find("Shop.show/1").new, None);
    let past = store.past("Shop.total/1");
    assert_eq!(past.len(), 1);
    assert_eq!(past[0].commit.as_ref().unwrap().to_string(), second);
    assert!(
        matches!(&past[0].what[..], [What::From(LineageKind::Extracted, _, from)] if from == "Shop.order/2")
    );
    let order = store.past("Shop.order/2");
    assert!(
        order[0]
            .what
            .iter()
            .any(|what| matches!(what, What::Into(LineageKind::Extracted, ..)))
    );
}
