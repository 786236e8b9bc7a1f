"""What the terminal shows: tables, sentences, images that were left out."""

from pathlib import Path

from evenpick.commands.terminal import print_left_out, print_paragraphs, print_table


def test_a_table_fits_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    print_table("Sources", ["--source", "what"], [["onnx:FILE", "word " * 40]])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == 80
    assert "onnx:FILE" in "".join(lines)
    assert "".join(lines).count("word") == 40


def test_a_name_that_is_longer_than_its_column_is_told_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_table("Sources", ["source", "accuracy"], [["efficientnet_lite0+efficientnet_lite1", "61.2"]])

    told = "".join(line.split("│")[1].strip() for line in capsys.readouterr().out.splitlines() if "│" in line)
    assert told == "efficientnet_lite0+efficientnet_lite1"


def test_names_with_brackets_and_colons_are_printed_as_they_are(capsys):
    print_table("[a] :cat:", None, [["[red]fox", "[/fox]"]])
    print_paragraphs([":cat:"])

    printed = capsys.readouterr().out
    assert [printed.count(name) for name in ("[a] :cat:", "[red]fox", "[/fox]", ":cat:")] == [1, 1, 1, 2]


def test_the_first_five_images_that_were_left_out_are_told_with_their_reason(capsys):
    print_left_out([])
    assert capsys.readouterr().out == ""

    print_left_out([("0.jpg", "the file is empty")])
    assert capsys.readouterr().out.splitlines()[0] == "1 image was left out:"

    print_left_out([(f"{i}.jpg", "the file is empty") for i in range(7)], see=Path("skipped.csv"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "7 images were left out, see 'skipped.csv':"
    assert lines[1] == "  '0.jpg': the file is empty"
    assert lines[5:] == ["  '4.jpg': the file is empty", "  and 2 more"]


def test_files_of_a_kind_that_is_not_read_are_counted_in_one_line(capsys):
    left_out = [(f"{i}.mp4", "not read: video") for i in range(1200)] + [("a.jxl", "not read: JPEG XL")]

    print_left_out([("b.jpg", "the file is empty"), *left_out])

    assert capsys.readouterr().out.splitlines() == [
        "1,202 images were left out:",
        "  not read: 1,200 video, 1 JPEG XL",
        "  'b.jpg': the file is empty",
    ]


def test_sentences_are_broken_between_words_in_a_terminal_and_left_whole_in_a_pipe(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    sentence = "[word] " * 40

    print_paragraphs([sentence.strip(), "Short."])
    assert capsys.readouterr().out == f"{sentence.strip()}\n\nShort.\n\n"

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    print_paragraphs([sentence.strip()])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()) == sentence.strip()
