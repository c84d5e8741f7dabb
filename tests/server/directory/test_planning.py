"""What an import would do: each row's fate, and the rules that look at the whole file and the whole directory."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from toktra.server.directory.columns import Column, ColumnsNotUsable, check_columns, guess, read_choice
from toktra.server.directory.csv_reading import read_table
from toktra.server.directory.details import Details, Person, Status
from toktra.server.directory.planning import Fate, Plan, make_plan
from toktra.server.web.access import Role

ROBIN, ADA, BOB = (
    Person(uuid4(), Details(name="Robin", email="robin@example.org", role=Role.OWNER)),
    Person(uuid4(), Details(name="Ada", email="Ada@example.org", department="Sales")),
    Person(uuid4(), Details(name="Bob", email="bob@example.org", role=Role.FINANCE)),
)


def plan(text: str, *people: Person, actor: Role = Role.OWNER) -> Plan:
    table = read_table(text)
    columns = guess(table.header)
    check_columns(columns)
    return make_plan(table, columns, people or (ROBIN, ADA, BOB), actor)


def fates(of: Plan) -> list[Fate]:
    return [row.fate for row in of.rows]


def refusals(of: Plan) -> dict[int, str]:
    return {row.line: row.refusal for row in of.rows if row.fate is Fate.REFUSED}


def test_each_row_has_its_fate_and_says_what_changes() -> None:
    planned = plan(
        "Name,E-mail,Department\nAda,ada@EXAMPLE.org,Research\nRobin,robin@example.org,\nCleo,cleo@example.org,Sales\n"
        "Dan,nonsense,Sales\n"
    )
    assert fates(planned) == [Fate.CHANGED, Fate.UNCHANGED, Fate.NEW, Fate.REFUSED]
    assert [(change.before, change.after) for change in planned.rows[0].changes] == [("Sales", "Research")]
    assert planned.rows[0].person_id == ADA.person_id
    assert "is not an e-mail address" in refusals(planned)[5]


def test_what_the_file_does_not_say_stays() -> None:
    planned = plan("Mail;Vorname;Nachname\nada@example.org;Ada;Example\nbob@example.org;;Bob\n")
    ada, bob = planned.rows
    assert ada.after is not None
    assert (ada.after.name, ada.after.department) == ("Ada Example", "Sales")
    assert bob.fate is Fate.UNCHANGED
    assert bob.after is not None
    assert bob.after.role is Role.FINANCE


def test_an_empty_cell_takes_a_department_away_and_leaves_role_and_status() -> None:
    planned = plan("email,name,department,role,status\nada@example.org,Ada,,,\nbob@example.org,Bob,,,\n")
    ada, bob = (row.after for row in planned.rows)
    assert ada is not None
    assert bob is not None
    assert ada.department is None
    assert (bob.role, bob.status) == (Role.FINANCE, Status.ACTIVE)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",Ada", "E-mail: missing"),
        ("ada@example.org,", "Name: say what"),
        ("ada@example.org", "1 cells and the header 2"),
        ("ada@example.org,Ada,extra", "3 cells and the header 2"),
        ("a b@example.org,Ada", "is not an e-mail address"),
        ("ada@example.org," + "x" * 201, "longer than 200"),
    ],
)
def test_a_row_that_says_too_little_is_refused_by_name(row: str, words: str) -> None:
    assert words in refusals(plan(f"email,name\n{row}\n"))[2]


def test_of_two_rows_about_one_person_neither_is_believed() -> None:
    planned = plan("email,name\nada@example.org,Ada\nADA@example.org,Eve\ncleo@example.org,Cleo\n")
    assert refusals(planned) == {2: "E-mail: also on line 3.", 3: "E-mail: also on line 2."}
    assert planned.rows[2].fate is Fate.NEW


def test_administrators_import_no_roles_and_no_leaving_of_those_who_have_one() -> None:
    text = "email,name,role,status\nada@example.org,Ada,owner,\nbob@example.org,Bob,finance,inactive\n"
    planned = plan(text + "cleo@example.org,Cleo,auditor,\n", actor=Role.ADMINISTRATOR)
    assert fates(planned) == [Fate.REFUSED] * 3
    assert fates(plan(text, actor=Role.OWNER)) == [Fate.CHANGED, Fate.CHANGED]


def test_leaving_is_told_apart() -> None:
    planned = plan("email,name,status\nada@example.org,Ada,Inactive\nnew@example.org,New,inactive\n")
    assert planned.leaving == 1
    assert planned.rows[0].leaves
    assert "has left and is not in the directory" in refusals(planned)[3]


def test_an_owner_remains() -> None:
    text = "email,name,role,status\nrobin@example.org,Robin,{},{}\n"
    for role, status in (("employee", ""), ("", "inactive")):
        assert "No owner would be left" in refusals(plan(text.format(role, status)))[2]
    both = text.format("employee", "") + "ada@example.org,Ada,owner,\n"
    assert fates(plan(both)) == [Fate.CHANGED, Fate.CHANGED]


def test_managers_are_found_in_the_directory_and_in_the_file() -> None:
    planned = plan("email,name,manager\ncleo@example.org,Cleo,dan@example.org\ndan@example.org,Dan,ADA@example.org\n")
    cleo, dan = planned.rows
    assert cleo.after is not None
    assert dan.after is not None
    assert cleo.after.manager_id == dan.person_id
    assert dan.after.manager_id == ADA.person_id
    assert [change.after for change in cleo.changes] == ["Dan"]


def test_who_would_work_under_a_refused_row_is_refused_too_and_so_on() -> None:
    planned = plan(
        "email,name,manager\ncleo@example.org,Cleo,dan@example.org\ndan@example.org,Dan,eve@example.org\n"
        "eve@example.org,,robin@example.org\nfay@example.org,Fay,nobody@example.org\n"
    )
    assert fates(planned) == [Fate.REFUSED] * 4
    assert "dan@example.org" in refusals(planned)[2]


def test_circles_are_refused_whole_and_others_are_not() -> None:
    planned = plan(
        "email,name,manager\nada@example.org,Ada,bob@example.org\nbob@example.org,Bob,cleo@example.org\n"
        "cleo@example.org,Cleo,ada@example.org\ndan@example.org,Dan,robin@example.org\n"
        "eve@example.org,Eve,eve@example.org\n"
    )
    assert fates(planned) == [Fate.REFUSED, Fate.REFUSED, Fate.REFUSED, Fate.NEW, Fate.REFUSED]


def test_what_was_exported_against_formulas_is_read_back() -> None:
    person = Person(uuid4(), Details(name="=1+1", email="x@example.org", department="-"))
    planned = plan("email,name,department\nx@example.org,'=1+1,'-\n", ROBIN, person)
    assert fates(planned) == [Fate.UNCHANGED]


def test_two_managers_of_one_name_are_two() -> None:
    twins = [Person(UUID(int=n), Details(name="Kim", email=f"kim{n}@example.org")) for n in (1, 2)]
    ada = Person(uuid4(), Details(name="Ada", email="ada@example.org", manager_id=UUID(int=1)))
    planned = plan("email,name,manager\nada@example.org,Ada,kim2@example.org\n", ROBIN, ada, *twins)
    assert fates(planned) == [Fate.CHANGED]


def test_the_digest_is_of_what_would_be_written() -> None:
    text = "email,name\nada@example.org,Ada Example\n"
    assert plan(text).digest == plan(text).digest
    changed = Person(ADA.person_id, Details(name="Ada", email="Ada@example.org", department="Research"))
    assert plan(text, ROBIN, ADA).digest != plan(text, ROBIN, changed).digest
    assert plan(text).digest != plan(text.replace("Example", "Sample")).digest


def test_headings_are_known_in_english_and_german() -> None:
    assert guess(["E-Mail-Adresse", "Vorname", "Nachname", "Abteilung", "Führungskraft", "x", "Mail"]) == {
        Column.EMAIL: 0,
        Column.GIVEN_NAME: 1,
        Column.FAMILY_NAME: 2,
        Column.DEPARTMENT: 3,
        Column.MANAGER: 4,
    }
    assert guess(["Work Email", "Display name", "user_principal_name"]) == {Column.EMAIL: 0, Column.NAME: 1}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({Column.NAME: 0}, "holds the e-mail"),
        ({Column.EMAIL: 0, Column.GIVEN_NAME: 1}, "holds the name"),
        ({Column.EMAIL: 0, Column.NAME: 0}, "for two things"),
    ],
)
def test_columns_that_do_not_say_who_is_meant_are_refused(columns: dict[Column, int], words: str) -> None:
    with pytest.raises(ColumnsNotUsable, match=words):
        check_columns(columns)


@pytest.mark.parametrize("said", ["7", "-1", "x", "٣"])
def test_a_column_that_is_not_there_cannot_be_chosen(said: str) -> None:
    with pytest.raises(ColumnsNotUsable):
        read_choice({"email": said}, ["a", "b"])
