"""Mutants that nobody thought of: some twenty small changes of the students' code, each wherever it fits.

The students' functions are those with `//@ step` marks in the solution; what is between the step's text and `//@ end` is
changed, one place at a time. The list is finite, and the same each time. A mutant is known by its text: file, function,
the line or lines before and after; line numbers may change.

    swap-arguments  f(a, b)     f(b, a)         negate          if (c)      if (!(c))
    swap-statements a; b;       b; a;           drop-not        !c          c
    swap-branches   c ? a : b   c ? b : a       and-or          a && b      a || b
    drop-statement  a; b;       b;              boundary        a < b       a <= b
    drop-check      if (c) return e;            equal           a == b      a != b
    drop-else       if (c) a; else b;           plus-minus      a + b       a - b
    drop-flag       A | B       A               drop-term       a + b       a
    drop-field      {.a = x}    {}              assign          a += b      a = b
    plus-one        4           5               zero            4           0
    page            size        size + a page   narrow          uint64_t a  int a
    wrong-variable  a           b               wrong-field     r->a        r->b
    return-early    a; b;       a; return;      return-other    return 0    return -1
    break-continue  break       continue        while-if        while (c)   if (c)
    short-string    "[vvar"     "[vva"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from stage import functions

TOKEN = re.compile(r"""(?P<noise>\s+|//[^\n]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<number>\d\w*)|(?P<name>[A-Za-z_]\w*)|(?P<sign><<=|>>=|->|\+\+|--|<<|>>|[-+*/%&|^=!<>]=|&&|\|\||.)""", re.DOTALL | re.VERBOSE)
STEP = re.compile(r"\s*//@ step (\d+\.\d+)")
KEYWORDS = {"if", "else", "while", "for", "do", "return", "break", "continue", "switch", "case", "default", "sizeof", "goto"}
DECLARED = re.compile(r"\b((?:unsigned |struct |enum )?[A-Za-z_]\w*)((?:\s*\*(?:const )?)*)\s*\b([A-Za-z_]\w*)\b\s*(?=[=;,)\[:])")
TYPE = re.compile(r"(?:(?:static|const|volatile|unsigned|struct|enum)\s+)*(?!return\b|goto\b|else\b)[A-Za-z_]\w*[\s*]+(?:const\s+)?[A-Za-z_]\w*\s*[=;,\[]")
MESSAGES = {"say", "problem", "err", "errx", "warnx"}
PADDED = {"sys_call", "arch_syscall"}  # their last arguments are 0 if the call has fewer
WIDE = {"uint64_t", "long", "size_t"}
PLACES = re.compile(r"start|end|size|offset|address|at|from|to|packed|limit|room|candidate|brk", re.IGNORECASE)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int  # in the file

    @property
    def end(self) -> int:
        return self.at + len(self.text)


@dataclass(frozen=True)
class Change:
    operator: str
    at: int
    end: int
    put: str


@dataclass(frozen=True)
class Generated:
    """One mutant: a file's text with one change in it."""

    file: str  # from solution/
    function: str
    step: str
    operator: str
    before: str  # the changed lines, their blanks made one
    after: str
    text: str = field(compare=False, repr=False)  # the file's

    @property
    def key(self) -> str:
        return f"{self.file} | {self.function} | {self.before} | {self.after}"

    @property
    def stage(self) -> int:
        return int(self.file[len("stage")])


@dataclass
class Node:
    """A statement: from its first token to behind its last."""

    kind: str
    first: int
    last: int
    parts: list[Node] = field(default_factory=list)
    test: tuple[int, int] = (0, 0)  # tokens of its condition


class Code:
    """One step's code, in tokens and statements."""

    def __init__(self, text: str, first: int, last: int, head: str) -> None:
        self.text, self.head = text, head
        found = (Token(str(m.lastgroup), m[0], m.start()) for m in TOKEN.finditer(text, first, last))
        self.tokens = [token for token in found if token.kind != "noise"]
        self.partner = self._pairs()
        self.nodes = self._block(0, len(self.tokens))

    def _pairs(self) -> dict[int, int]:
        pairs, open_ones = {}, []
        for i, token in enumerate(self.tokens):
            if token.text in "([{" and token.kind == "sign":
                open_ones.append(i)
            elif token.text in ")]}" and token.kind == "sign" and open_ones:
                pairs[open_ones.pop()] = i
        return pairs

    def word(self, i: int) -> str:
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The characters of the tokens from first to before last."""
        return self.tokens[first].at, self.tokens[last - 1].end

    def words(self, first: int, last: int) -> str:
        at, end = self.span(first, last)
        return self.text[at:end]

    def _block(self, first: int, last: int) -> list[Node]:
        nodes = []
        while first < last:
            node = self._statement(first, last)
            nodes.append(node)
            first = node.last
        return nodes

    def _statement(self, i: int, last: int) -> Node:
        word = self.word(i)
        if word == "{":
            end = self.partner[i]
            return Node("block", i, end + 1, self._block(i + 1, end))
        if word in ("if", "while", "for", "switch"):
            close = self.partner[i + 1]
            parts = [self._statement(close + 1, last)]
            if word == "if" and self.word(parts[0].last) == "else":
                parts.append(self._statement(parts[0].last + 1, last))
            return Node(word, i, parts[-1].last, parts, (i + 2, close))
        if word == "do":
            body = self._statement(i + 1, last)
            close = self.partner[body.last + 1]
            return Node("do", i, close + 2, [body], (body.last + 2, close))
        end = i
        while end < last and self.word(end) not in (";", ":"):
            end = self.partner.get(end, end) + 1
        kind = word if word in ("return", "break", "continue", "case", "default", "goto") else "plain"
        if kind == "plain" and TYPE.match(self.text, self.tokens[i].at):
            kind = "declaration"
        return Node(kind, i, min(end + 1, last))

    def all_nodes(self) -> Iterator[tuple[Node, list[Node]]]:
        """Each statement, with those among which it stands."""
        lists = [self.nodes]
        while lists:
            row = lists.pop(0)
            for node in row:
                yield node, row
                if node.kind == "block":
                    lists.append(node.parts)
                else:
                    lists += [[part] for part in node.parts]

    def is_message(self, at: int) -> bool:
        """Whether a place is in words for people: of a path that a test need not come to."""
        return any(token.at <= at < self.tokens[self.partner[i + 1]].end for i, token in enumerate(self.tokens)
                   if token.text in MESSAGES and self.word(i + 1) == "(")

    def variables(self) -> dict[str, str]:
        """Names and types of the parameters and of what is declared here."""
        code = functions.NOISE.sub(" ", self.head + "\n" + self.words(0, len(self.tokens)) if self.tokens else self.head)
        found = {m[3]: m[1] + re.sub(r"\s|const", "", m[2]) for m in DECLARED.finditer(code)}
        return {name: kind for name, kind in found.items() if kind not in KEYWORDS and name not in KEYWORDS}


Places = Iterator[tuple[int, int, str]]  # from, to, and what to put there


def arguments(code: Code, opening: int) -> list[tuple[int, int]]:
    """The tokens of each argument of a call."""
    close, rows, first = code.partner[opening], [], opening + 1
    i = first
    while i <= close:
        if i == close or code.word(i) == ",":
            if i > first:
                rows.append((first, i))
            first = i + 1
        i = code.partner.get(i, i) + 1 if i != close else i + 1
    return rows


def calls(code: Code) -> Iterator[int]:
    """The opening parentheses of calls."""
    for i, token in enumerate(code.tokens):
        if token.text == "(" and i in code.partner and i > 0 and code.tokens[i - 1].kind == "name" and code.word(i - 1) not in KEYWORDS:
            yield i


def swap_arguments(code: Code) -> Places:
    for opening in calls(code):
        rows = arguments(code, opening)
        for (a, b), (c, d) in zip(rows, rows[1:]):
            left, right = code.words(a, b), code.words(c, d)
            if left != right:
                yield code.tokens[a].at, code.tokens[d - 1].end, f"{right}, {left}"


def drop_statement(code: Code) -> Places:
    for node, _ in code.all_nodes():
        if node.kind in ("plain", "while", "for", "do"):
            yield *code.span(node.first, node.last), ";"


def drop_check(code: Code) -> Places:
    """Of a value, or of what a function answered: what it guards is left, or not."""
    for node, _ in code.all_nodes():
        if node.kind != "if" or len(node.parts) != 1:
            continue
        yield *code.span(node.first, node.last), ";"
        if node.parts[0].kind not in ("return", "break", "continue"):
            yield *code.span(node.first, node.last), code.words(node.parts[0].first, node.parts[0].last)


def drop_else(code: Code) -> Places:
    for node, _ in code.all_nodes():
        if node.kind == "if" and len(node.parts) == 2:
            yield code.tokens[node.parts[0].last - 1].end, code.tokens[node.last - 1].end, ""


def negate(code: Code) -> Places:
    for node, _ in code.all_nodes():
        if node.kind in ("if", "while", "do") and node.test[1] > node.test[0]:
            at, end = code.span(*node.test)
            yield at, end, f"!({code.text[at:end]})"


def each(code: Code, kind: str, *texts: str) -> Iterator[tuple[int, Token]]:
    return ((i, t) for i, t in enumerate(code.tokens) if t.kind == kind and (not texts or t.text in texts))


def drop_not(code: Code) -> Places:
    for _, token in each(code, "sign", "!"):
        yield token.at, token.end, ""


def and_or(code: Code) -> Places:
    for _, token in each(code, "sign", "&&", "||"):
        yield token.at, token.end, "||" if token.text == "&&" else "&&"


def boundary(code: Code) -> Places:
    other = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
    for _, token in each(code, "sign", *other):
        yield token.at, token.end, other[token.text]


def equal(code: Code) -> Places:
    for _, token in each(code, "sign", "==", "!="):
        yield token.at, token.end, "!=" if token.text == "==" else "=="


def is_binary(code: Code, i: int) -> bool:
    before = code.tokens[i - 1] if i else None
    return before is not None and (before.kind in ("number", "name") and before.text not in KEYWORDS or before.text in (")", "]"))


def plus_minus(code: Code) -> Places:
    for i, token in each(code, "sign", "+", "-"):
        if is_binary(code, i):
            yield token.at, token.end, "-" if token.text == "+" else "+"


def operand_end(code: Code, i: int) -> int:
    """Behind the operand that begins with token i: names, fields, calls, casts."""
    while code.word(i) in ("-", "~", "*", "&", "!"):
        i += 1
    is_cast = code.word(i) == "("
    i = code.partner.get(i, i) + 1
    if is_cast and i < len(code.tokens) and code.tokens[i].kind in ("name", "number"):
        return operand_end(code, i)
    while code.word(i) in ("->", ".", "(", "["):
        i = code.partner[i] + 1 if code.word(i) in "([" else i + 2
    return i


def drop_term(code: Code) -> Places:
    for i, token in each(code, "sign", "+", "-", "*", "/", "&&", "||"):
        if is_binary(code, i):
            yield code.tokens[i - 1].end, code.tokens[operand_end(code, i + 1) - 1].end, ""


def drop_flag(code: Code) -> Places:
    """Each of A | B | C."""
    for i, token in each(code, "sign", "|"):
        yield code.tokens[i - 1].end, code.tokens[operand_end(code, i + 1) - 1].end, ""
        first = i - 1
        if code.word(first) == ")":
            first = next((a for a, b in code.partner.items() if b == first), first)
        if code.word(first - 1) != "|":
            yield code.tokens[first].at, code.tokens[i + 1].at, ""


def drop_field(code: Code) -> Places:
    """Of an initialiser."""
    for i, token in each(code, "sign", "."):
        if code.word(i - 1) in ("{", ",") and code.word(i + 2) == "=":
            end = i + 3
            while end < len(code.tokens) and code.word(end) not in (",", "}"):
                end = code.partner.get(end, end) + 1
            yield token.at, code.tokens[end].end if code.word(end) == "," else code.tokens[end].at, ""


def assign(code: Code) -> Places:
    for _, token in each(code, "sign", "+=", "-=", "|="):
        yield token.at, token.end, "="


def plus_one(code: Code) -> Places:
    padding = {a for o in calls(code) if code.word(o - 1) in PADDED for a, _ in arguments(code, o) if code.word(a) == "0"}
    for i, token in each(code, "number"):
        if i in padding:
            continue
        digits = re.match(r"0x[0-9a-fA-F]+|\d+", token.text)
        assert digits
        base = 16 if digits[0].startswith("0x") else 8 if re.fullmatch(r"0\d+", digits[0]) else 10
        value = int(digits[0], base) + 1
        yield token.at, token.end, (hex(value) if base == 16 else f"0{value:o}" if base == 8 else str(value)) + token.text[digits.end() :]


def zero(code: Code) -> Places:
    for _, token in each(code, "number"):
        if token.text.strip("0uUlL") and not token.text.startswith("0x0"):
            yield token.at, token.end, "0"


def page(code: Code) -> Places:
    """An argument, or what a field is set to, that is a place in memory or a size: a page more."""
    for opening in calls(code):
        for a, b in arguments(code, opening):
            words = code.words(a, b)
            if PLACES.search(words) and '"' not in words and "&" not in words and "(" not in words.replace("(long)", ""):
                at, end = code.span(a, b)
                yield at, end, f"{words} + 4096"


def narrow(code: Code) -> Places:
    for node, _ in code.all_nodes():
        token = code.tokens[node.first]
        if node.kind == "declaration" and token.text in WIDE and code.word(node.first + 1) != "*":
            yield token.at, token.end, "int"


def another(names: list[str], name: str) -> list[str]:
    """The next one of its kind, if there is one."""
    at = names.index(name)
    return [other for other in names[at + 1 :] + names[:at] if other != name][:1]


def wrong_variable(code: Code) -> Places:
    kinds = code.variables()
    for i, token in each(code, "name", *kinds):
        if not kinds or code.word(i - 1) in (".", "->") or code.word(i + 1) == "(" or DECLARED.match(code.text, token.at):
            continue
        if i and code.tokens[i - 1].kind == "name" and code.word(i - 1) not in KEYWORDS or code.word(i - 1) == "*" and not is_binary(code, i - 1):
            continue  # it is declared here
        for other in another([name for name, kind in kinds.items() if kind == kinds[token.text]], token.text):
            yield token.at, token.end, other


def wrong_field(code: Code) -> Places:
    """Another one of the fields that are asked of the same struct here, or of its opposite."""
    fields: dict[str, list[str]] = {}
    opposite = {"start": "end", "end": "start", "from": "to", "to": "packed", "packed": "from", "begin": "end", "size": "start"}
    uses = [(i, code.word(i - 1)) for i, _ in each(code, "sign", "->", ".") if code.word(i - 1) not in ("{", ",")]
    for i, base in uses:
        fields.setdefault(base, [])
        fields[base] += [name for name in (code.word(i + 1),) if name not in fields[base]]
    for i, base in uses:
        token = code.tokens[i + 1]
        names = fields[base] + [name for name in (opposite.get(token.text, ""),) if name and name not in fields[base]]
        for other in another(names, token.text):
            yield token.at, token.end, other


def return_early(code: Code) -> Places:
    """Before the last statement, and after the first that does something."""
    if len(code.nodes) < 3:
        return
    plain = [node for node in code.nodes[1:] if node.kind not in ("declaration", "return")]
    void = re.match(r"(?:static )?void\s+\w", code.head.strip())
    for node in {id(node): node for node in (plain[:1] + plain[1:2] + plain[-1:])}.values():
        at = code.tokens[node.first].at
        yield at, at, "return; " if void else "return 0; "


def return_other(code: Code) -> Places:
    for node, _ in code.all_nodes():
        if node.kind == "return" and node.last - node.first > 2:
            at, end = code.span(node.first + 1, node.last - 1)
            value = code.text[at:end]
            answers = {"0": ["-1"], "true": ["false"], "false": ["true"]}.get(value, ["0"])
            for other in answers:
                yield at, end, other


def break_continue(code: Code) -> Places:
    for _, token in each(code, "name", "break", "continue"):
        yield token.at, token.end, "continue" if token.text == "break" else "break"


def while_if(code: Code) -> Places:
    for node, _ in code.all_nodes():
        if node.kind == "while":
            yield code.tokens[node.first].at, code.tokens[node.first].end, "if"


def swap_statements(code: Code) -> Places:
    for node, row in code.all_nodes():
        at = row.index(node)
        if at + 1 < len(row) and all(n.kind not in ("declaration", "return", "case", "default") for n in row[at : at + 2]):
            after = row[at + 1]
            put = f"{code.words(after.first, after.last)} {code.words(node.first, node.last)}"
            yield code.tokens[node.first].at, code.tokens[after.last - 1].end, put


def swap_branches(code: Code) -> Places:
    for i, token in each(code, "sign", "?"):
        colon = i + 1
        while colon < len(code.tokens) and code.word(colon) != ":":
            colon = code.partner.get(colon, colon) + 1
        if colon < len(code.tokens):
            last = operand_end(code, colon + 1)
            a, b = code.words(i + 1, colon), code.words(colon + 1, last)
            yield code.tokens[i + 1].at, code.tokens[last - 1].end, f"{b} : {a}"


def short_string(code: Code) -> Places:
    for _, token in each(code, "text"):
        if token.text.startswith('"') and len(token.text) > 4 and "%" not in token.text and " " not in token.text:
            yield token.at, token.end, token.text[:-2].rstrip("\\") + '"'


ALL: list[Callable[[Code], Places]] = [
    swap_arguments, drop_statement, drop_check, drop_else, negate, drop_not,
    and_or, boundary, equal, plus_minus, drop_term, drop_flag,
    drop_field, assign, plus_one, zero, page, narrow,
    wrong_variable, wrong_field, return_early, return_other, break_continue, while_if,
    swap_statements, swap_branches, short_string,
]
OPERATORS = {function.__name__.replace("_", "-"): function for function in ALL}


def changes(code: Code) -> Iterator[Change]:
    for name, function in OPERATORS.items() if code.tokens else ():
        for at, end, put in function(code):
            if not code.is_message(at):
                yield Change(name, at, end, put)


# The students' code


@dataclass(frozen=True)
class Place:
    """Where a step's code is in a file: from, to, and the head of its function."""

    step: str
    function: str
    first: int
    last: int
    head: str


def places(text: str) -> Iterator[Place]:
    lines = text.splitlines(keepends=True)
    plain = text.splitlines()
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    step, first = "", 0
    for number, line in enumerate(plain):
        found = STEP.match(line)
        if found:
            step = found[1]
        if line.lstrip().startswith("//@ end"):
            name = functions.name_before(plain, number)
            if name:
                yield Place(step, name, starts[first], starts[number], head_of(plain, number))
            step = ""
        elif step and line.lstrip().startswith("//@"):
            first = number + 1


def head_of(lines: list[str], number: int) -> str:
    brace = max(i for i in range(number) if lines[i] == "{")
    first = next(i for i in range(brace - 1, -1, -1) if lines[i] and not lines[i][0].isspace())
    return "\n".join(lines[first:brace])


def one_line(text: str) -> str:
    return " ".join(functions.NOISE.sub(lambda m: m[0] if m[0][0] in "\"'" else " ", text).split())


def of_file(solution: Path, name: str) -> Iterator[Generated]:
    """All mutants of one file, without those whose text another one has already."""
    text = (solution / name).read_text()
    seen: set[str] = set()
    for place in places(text):
        code = Code(text, place.first, place.last, place.head)
        for change in changes(code):
            made = mutant(text, name, place, change)
            if made is not None and made.text not in seen:
                seen.add(made.text)
                yield made


def mutant(text: str, name: str, place: Place, change: Change) -> Optional[Generated]:
    new = text[: change.at] + change.put + text[change.end :]
    first = text.rfind("\n", 0, change.at) + 1
    last = text.find("\n", change.end)
    before, after = text[first:last], text[first : change.at] + change.put + text[change.end : last]
    before, after = one_line(before), one_line(after)
    times = text[place.first : first].count(text[first:last]) if before != after else 0
    if before == after:
        return None
    if times:  # the same line was there before, in this function
        before += f" ({times + 1})"
    return Generated(name, place.function, place.step, change.operator, before, after, new)


def files(solution: Path) -> list[str]:
    """Those with steps in a function of C."""
    paths = sorted(path for path in solution.glob("stage[0-9]*-*/*.[ch]"))
    return [str(path.relative_to(solution)) for path in paths if "//@ step" in path.read_text()]


def all_generated(solution: Path) -> list[Generated]:
    return [mutant for name in files(solution) for mutant in of_file(solution, name)]
