"""The closed word lists of the demo language model's tasks.

Every word in a list becomes a single token when it follows a space (see tokenizer.py), so that an answer
is always one token and prompts that differ in a word have equal length.
"""

NAMES = ("Mary John Tom Anna Paul Lucy Mark Jane Peter Alice James Sarah David Emma Simon Laura Daniel Ruth "
         "Robert Helen Frank Martha Henry Clara Oscar Nora Victor Rosa Martin Irene Felix Grace Hugo Julia "
         "Leo Kate Max Sophie Adam Eve").split()

OBJECTS = ("pen cup ball book key ring plate bottle lamp chair basket drum candle box bag hat spoon mirror "
           "coin letter").split()

COLORS = "red orange yellow green blue purple brown black".split()

SURFACES = "table desk floor".split()

PLACES = ("garden market school church river station kitchen harbor library office hospital bank park "
          "museum forest castle").split()

NATO = ("alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november papa quebec "
        "romeo sierra tango uniform victor whiskey xray yankee zulu").split()

CAPITALS = [pair.split("-") for pair in (
    "China-Beijing Russia-Moscow England-London France-Paris Japan-Tokyo Italy-Rome Canada-Ottawa "
    "Spain-Madrid Egypt-Cairo Portugal-Lisbon Austria-Vienna Greece-Athens Germany-Berlin Norway-Oslo "
    "Peru-Lima Cuba-Havana Poland-Warsaw Ireland-Dublin Sweden-Stockholm Turkey-Ankara Thailand-Bangkok Kenya-Nairobi "
    "Iran-Tehran Iraq-Baghdad Syria-Damascus Denmark-Copenhagen Finland-Helsinki Hungary-Budapest Vietnam-Hanoi "
    "Belgium-Brussels").split()]

CATEGORIES = {
    "animal": "dog cat horse cow sheep bird fish bear lion wolf".split(),
    "fruit": "apple pear grape lemon peach plum cherry fig".split(),
    "tool": "hammer saw knife spade axe needle rope plough".split(),
    "metal": "gold silver iron copper tin lead".split(),
    "drink": "water milk wine tea coffee beer".split(),
}

LETTERS = tuple("ABCDEFGHJKLMNOPQRSTUVWXYZ")

EVENTS = ("war siege journey voyage strike reign study dispute famine drought revolt treaty project course exhibition "
          "contract campaign conflict mission operation pilgrimage plague program rebellion survey trial tour work "
          "expedition empire").split()

CODE = ("load size files last line name path time date text list part page file state value group order table field point "
        "level image score model token index count width color shape event error input house water light music world paper "
        "story field power money night price river metal stone glass plant heart voice north south").split()

NOUNS = OBJECTS + [word for words in CATEGORIES.values() for word in words]


def single_tokens():
    """Strings that the tokenizer must encode as one token, each with its leading space."""
    plain = (NAMES + OBJECTS + COLORS + SURFACES + PLACES + NATO + [w for pair in CAPITALS for w in pair]
             + [w for words in CATEGORIES.values() for w in words] + list(CATEGORIES))
    return [" " + word for word in dict.fromkeys(plain + [color.capitalize() for color in COLORS])]


def pair_is_held_out(first, second):
    """Whether an unordered pair of names never occurs in a training sentence (one pair in seven)."""
    low, high = sorted((NAMES.index(first), NAMES.index(second)))
    return (3 * low + 5 * high) % 7 == 0
