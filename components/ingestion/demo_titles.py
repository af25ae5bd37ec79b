"""Invented film titles whose words go with the film's genre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GENRES = (
    "Drama", "Comedy", "Thriller", "Romance", "Action", "Adventure", "Crime", "Sci-Fi", "Horror", "Fantasy",
    "Children", "Mystery", "Animation", "Documentary", "War", "Musical", "Western", "Film-Noir",
)  # fmt: skip
"""The commonest first."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


def _word_lists(texts: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {genre: _words(text) for genre, text in texts.items()}


_THINGS = _word_lists(
    {
        "Drama": "Orchard|Harvest|Letter|River|Winter|House|Silence|Promise|Bridge|Garden|Inheritance|Tide",
        "Comedy": "Wedding|Casserole|Neighbour|Holiday|Bicycle|Umbrella|Landlord|Parrot|Picnic|Waiter|Mix-Up|Aunt",
        "Thriller": "Signal|Witness|Corridor|Passenger|Alibi|Cipher|Deadline|Hostage|Frequency|Pursuit|Safehouse|Mole",
        "Romance": "Summer|Waltz|Kiss|Lighthouse|Postcard|Rendezvous|Serenade|Balcony|Café|Rose|Heart|Train",
        "Action": "Strike|Convoy|Fury|Dynamite|Overdrive|Vengeance|Showdown|Hurricane|Breakout|Commando|Bullet|Engine",
        "Adventure": "Expedition|Island|Compass|Treasure|Jungle|Voyage|Summit|Map|Caravan|Cataract|Falcon|Horizon",
        "Crime": "Heist|Informant|Syndicate|Getaway|Verdict|Gambler|Warrant|Racket|Diamond|Accomplice|Precinct|Debt",
        "Sci-Fi": "Orbit|Android|Nebula|Colony|Paradox|Satellite|Galaxy|Reactor|Starship|Clone|Gravity|Machine",
        "Horror": "Haunting|Cellar|Scream|Crypt|Nightmare|Coven|Scarecrow|Possession|Asylum|Swarm|Séance|Curse",
        "Fantasy": "Dragon|Sorcerer|Crown|Kingdom|Amulet|Griffin|Prophecy|Enchantress|Goblet|Unicorn|Spell|Mirror",
        "Children": "Puppy|Treehouse|Snowman|Kitten|Balloon|Teddy|Playground|Cookie|Duckling|Kite|Pony|Pumpkin",
        "Mystery": "Riddle|Portrait|Key|Clue|Manor|Disappearance|Shadow|Fingerprint|Secret|Staircase|Clock|Will",
        "Animation": "Hedgehog|Toymaker|Penguin|Robot|Squirrel|Cloud|Acorn|Moonbeam|Firefly|Marionette|Otter|Whale",
        "Documentary": "Glacier|Archive|Orchestra|Village|Reef|Factory|Monsoon|Marathon|Library|Border|Census|Kitchen",
        "War": "Regiment|Trench|Armistice|Battalion|Siege|Airfield|Telegram|Convoy|Sergeant|Front|Medal|Winter",
        "Musical": "Melody|Chorus|Piano|Cabaret|Tango|Overture|Songbird|Ballroom|Encore|Trumpet|Broadway|Rhythm",
        "Western": "Saddle|Canyon|Sheriff|Outlaw|Stagecoach|Mustang|Prairie|Marshal|Ranch|Gunslinger|Mesa|Railroad",
        "Film-Noir": "Alley|Dame|Midnight|Detective|Ashtray|Blackmail|Rain|Nightclub|Betrayal|Harbour|Blonde|Rival",
    }
)
_QUALITIES = _word_lists(
    {
        "Drama": "Quiet|Distant|Unspoken|Broken|Faithful",
        "Comedy": "Crazy|Borrowed|Accidental|Perfect|Clumsy",
        "Thriller": "Silent|Final|Hidden|Deadly|Blind",
        "Romance": "Tender|Secret|Endless|Golden|Forgotten",
        "Action": "Lethal|Burning|Double|Relentless|Iron",
        "Adventure": "Lost|Uncharted|Emerald|Wild|Farthest",
        "Crime": "Crooked|Stolen|Guilty|Loaded|Cold",
        "Sci-Fi": "Electric|Last|Infinite|Parallel|Crimson",
        "Horror": "Cursed|Hollow|Bleeding|Whispering|Dark",
        "Fantasy": "Enchanted|Silver|Ancient|Eternal|Winged",
        "Children": "Little|Magic|Runaway|Brave|Merry",
        "Mystery": "Missing|Crooked|Seventh|Vanished|Locked",
        "Animation": "Tiny|Flying|Curious|Sleepy|Painted",
        "Documentary": "Vanishing|Inside|Living|Untold|Open",
        "War": "Fallen|Forgotten|Bitter|Last|Honourable",
        "Musical": "Dancing|Dazzling|Blue|Swinging|Glittering",
        "Western": "Lonesome|Dusty|High|Wanted|Bold",
        "Film-Noir": "Dangerous|Shaded|Heartless|Dead|Restless",
    }
)
_PEOPLE = _words(
    "Lighthouse Keeper|Clockmaker|Beekeeper|Violinist|Gardener|Cartographer|Baker|Astronomer|Postman|Tailor|"
    "Fisherman|Librarian|Photographer|Glassblower|Professor|Innkeeper|Painter|Shepherd|Juggler|Watchman"
)
_KIN = _words("Daughter|Son|Apprentice|Wife|Brother|Ghost|Dream|Promise|Song|Revenge|Secret|Widow")
_NAMES = _words(
    "Clara|Vincent|Amélie|Otto|Rosalind|Jasper|Ingrid|Matteo|Beatrix|Søren|Harriet|Lucien|Odette|Walter|Zora|Felix|"
    "Marguerite|Anton|Delilah|Hugo"
)
_PLACES = _words(
    "Lisbon|Marrakesh|the North Sea|Buenos Aires|Trieste|Montréal|the Old Quarter|Kyoto|Zürich|Havana|Vladivostok|"
    "São Tomé|the Highlands|Valparaíso|Nantucket|Odessa|Carpathia|the Fens|Tangier|Saint Petersburg"
)
_NUMBERS = _words("Two|Three|Four|Five|Seven|Nine|Ten|Twelve|Thirteen")
_ROMAN = ("", " II", " III", " IV", " V", " VI", " VII", " VIII", " IX", " X")


def make_titles(rng: np.random.Generator, genres: Sequence[str], years: Sequence[int]) -> list[str]:
    """A title with its year in parentheses for each film, no two alike.

    Args:
      rng: Source of randomness.
      genres: Main genre of each film, one of GENRES.
      years: Release year of each film.
    """
    draws = rng.random((len(genres), 6)).tolist()
    used: dict[str, int] = {}
    titles = []
    for genre, year, draw in zip(genres, years, draws, strict=True):
        title = _title(genre, draw)
        times = used[title] = used.get(title, -1) + 1
        numeral = _ROMAN[times] if times < len(_ROMAN) else f" {times + 1}"
        titles.append(f"{title}{numeral} ({year})")
    return titles


def _title(genre: str, draw: list[float]) -> str:
    kind, *picks = draw
    thing, other = _pick(_THINGS[genre], picks[0]), _pick(_THINGS[genre], picks[1])
    quality = _pick(_QUALITIES[genre], picks[2])
    person, name, place = _pick(_PEOPLE, picks[3]), _pick(_NAMES, picks[3]), _pick(_PLACES, picks[4])
    patterns = (
        f"The {quality} {thing}",
        f"The {quality} {thing} of {place}",
        f"{name} and the {thing}",
        f"The {person}'s {_pick(_KIN, picks[4])}",
        f"The {person}'s {thing}",
        f"{thing} in {place}",
        f"{_pick(_NUMBERS, picks[3])} Days in {place}",
        f"A {thing} for {name}" if thing[0] not in "AEIOU" else f"An {thing} for {name}",
        f"{quality} {thing}",
        f"Goodbye, {name}",
        f"The {thing} and the {other}" if thing != other else f"The Other {thing}",
        f"{name}, {quality} {thing}",
        f"The {quality} {thing} of {name}",
        f"{quality} {thing}, {quality} {other}" if thing != other else f"{quality}, {quality} {thing}",
    )
    return patterns[int(kind * len(patterns))]


def _pick(words: Sequence[str], draw: float) -> str:
    return words[int(draw * len(words))]
