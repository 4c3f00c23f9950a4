"""How often the analysis of verse agrees with annotated verse.

    python bench/prosody_accuracy.py es_syllables.json es_rhymes.json fr_syllables.json …

A file's name begins with its language. It holds a list: of objects with `line` and `syllables`, or with `lines` and
their `scheme`. Accuracy is the share of lines whose count is exact. F1 is that of rhyming pairs within a stanza, at
most four lines apart.
"""

import json
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

from prosody.line import Line, known_language
from prosody.rhyming import analyse, rhyme_kind

FARTHEST = 4  # lines between which an annotator's letters still mean a rhyme that is heard


def score_syllables(items: list[dict[str, Any]], language: str, wrong: list[str]) -> str:
    """Share of exact counts; what is wrong is added to `wrong`."""
    for item in items:
        count = analyse(item["line"], language).syllables
        if count != item["syllables"]:
            wrong.append(f"{item['syllables']} not {count}: {item['line']}")
    return f"{1 - len(wrong) / len(items):.1%} of {len(items)} lines"


def score_rhymes(items: list[dict[str, Any]], language: str, wrong: list[str]) -> str:
    """F1 of rhyming pairs; what is missed or invented is added to `wrong`."""
    hits = missed = invented = 0
    for item in items:
        letters, lines = item["scheme"].replace(" ", ""), [analyse(line, language) for line in item["lines"]]
        for i, j in combinations(range(len(lines)), 2):
            if j - i > FARTHEST:
                continue
            said, found = letters[i] == letters[j] != "-", _rhymes(lines[i], lines[j], letters[i], language)
            hits += said and found
            missed += said and not found
            invented += found and not said
            if said != found:
                wrong.append(f"{'missed' if said else 'invented'}: {lines[i].text} / {lines[j].text}")
    return f"F1 {2 * hits / max(1, 2 * hits + missed + invented):.1%}, {missed} missed, {invented} invented of {hits}"


def _rhymes(a: Line, b: Line, letter: str, language: str) -> bool:
    kind = rhyme_kind(a, b, language)
    return kind == "consonant" or (letter.islower() and kind == "assonant")


def main(paths: list[str]) -> None:
    """Score each file; --errors lists what is wrong."""
    for path in (Path(name) for name in paths if name != "--errors"):
        language = known_language(path.name[:2])
        items = json.loads(path.read_text(encoding="utf-8"))
        wrong: list[str] = []
        score = (score_syllables if "line" in items[0] else score_rhymes)(items, language, wrong)
        lines = [line for item in items for line in item.get("lines", [item.get("line", "")])]
        started = time.process_time()
        for line in lines:
            analyse(line, language)
        speed = len(lines) / (time.process_time() - started)
        print(f"{path.name:<20} {score}; {speed:,.0f} lines/s on one core, words cached")
        if "--errors" in paths:
            print("\n".join(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
