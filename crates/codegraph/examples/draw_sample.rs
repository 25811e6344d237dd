//! Prints a picture of a small function's control flow as SVG, to look at.
#![expect(clippy::print_stdout, reason = "the picture is the output")]

use codegraph::draw::{Arrow, Drawing, Figure, Shape, Tone};

fn main() {
    let boxes = [
        ("handle_call({:pay, order}, from, state)", Shape::Terminal),
        ("state.open?", Shape::Decision),
        ("with {:ok, user} <- Users.fetch(order.user_id)", Shape::Decision),
        ("{:ok, card} <- Cards.of(user)", Shape::Decision),
        (
            "receipt =\n  order\n  |> Order.total()\n  |> Cards.charge(card)",
            Shape::Plain,
        ),
        ("{:error, :no_user} -> :reject", Shape::Plain),
        ("retry?(state)", Shape::Decision),
        (
            "rescue Cards.Declined ->\n  Logger.warning(\"declined\")",
            Shape::Plain,
        ),
        ("Enum.each(order.lines, fn line -> ... end)", Shape::Plain),
        ("{:reply, reply, state}", Shape::Terminal),
        ("raise", Shape::Terminal),
    ];
    let arrows = [
        (0, 1, "", Tone::Flow),
        (1, 2, "true", Tone::Yes),
        (1, 9, "false", Tone::No),
        (2, 3, "match", Tone::Yes),
        (2, 5, "else", Tone::No),
        (3, 4, "match", Tone::Yes),
        (3, 5, "else", Tone::No),
        (4, 7, "Cards.Declined", Tone::Exception),
        (4, 10, "any other", Tone::Exception),
        (4, 8, "", Tone::Flow),
        (8, 8, "next line", Tone::Flow),
        (8, 9, "", Tone::Flow),
        (7, 6, "", Tone::Flow),
        (6, 4, "yes", Tone::Yes),
        (6, 9, "no", Tone::No),
        (5, 9, "", Tone::Flow),
    ];
    let drawing = Drawing {
        title: "Shop.Payments.handle_call/3".to_owned(),
        boxes: boxes
            .map(|(label, shape)| Figure {
                label: label.to_owned(),
                shape,
            })
            .to_vec(),
        arrows: arrows
            .map(|(from, to, label, tone)| Arrow {
                from,
                to,
                label: label.to_owned(),
                tone,
            })
            .to_vec(),
    };
    println!("{}", drawing.svg().unwrap_or_else(|error| error.to_string()));
}
