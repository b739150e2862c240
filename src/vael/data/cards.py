"""Cards of the known data sets: what they are, whose, and by which digest a copy is checked."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class DataCard:
    """One public data set.

    Attributes:
        name: as the option ``data=`` has it.
        source: who made it, and where it is from.
        licence: as its publisher states it.
        sizes: what there is, in words.
        counts: number of examples of each official part.
        levels: values per dimension, or None.
        content: hash of all that is decoded of it (`vael.data.cache.Cached.content`), unresized;
            None: not known.
        unchecked: why there is no hash.
    """

    name: str
    source: str
    licence: str
    sizes: str
    counts: tuple[int, ...]
    levels: int | None
    content: str | None
    unchecked: str = ""

    def describe(self) -> str:
        """Return the card in one line."""
        levels = "" if self.levels is None else f", {self.levels} levels"
        return f"{self.name}: {self.source}; {self.sizes}{levels}; licence: {self.licence}"

    def differs(self, content: str, counts: tuple[int, ...]) -> bool:
        """Tell whether a copy is another one than that of the card, as far as is known."""
        return counts != self.counts or self.content not in (None, content)

    def check(self, content: str, counts: tuple[int, ...]) -> str:
        """Say whether a copy is the one that the card is about."""
        if counts != self.counts:
            return (
                f"this copy of {self.name} has {' + '.join(map(str, counts))} examples, that of "
                f"its card {' + '.join(map(str, self.counts))}; numbers are not comparable"
            )
        if self.content is None:
            return f"this copy of {self.name} was not checked: {self.unchecked}"
        if content == self.content:
            return f"this copy of {self.name} is the one of its card (digest {content})"
        return (
            f"this copy of {self.name} differs from the one of its card: digest {content}, not "
            f"{self.content}; numbers of others may not be comparable"
        )


CARDS = {
    card.name: card
    for card in (
        DataCard(
            "digits",
            "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (test part), UCI "
            "1998, https://doi.org/10.24432/C50P49, inside scikit-learn",
            "CC BY 4.0",
            "1,797 images 8 x 8, 10 classes, no official split",
            (1797,),
            17,
            "a5590bd94d6948b879541f9043839e05",
        ),
        DataCard(
            "breast_cancer",
            "Wolberg, Street and Mangasarian, Breast Cancer Wisconsin (Diagnostic), UCI 1995, "
            "https://doi.org/10.24432/C5DW2B, inside scikit-learn",
            "CC BY 4.0",
            "569 rows of 30 columns, 2 classes, no official split",
            (569,),
            None,
            "11090c3a0629c0eefad81b7e9ac9db0e",
        ),
        DataCard(
            "sprites",
            "drawn by vael, after dSprites (Matthey et al. 2017)",
            "Apache-2.0, as vael",
            "737,280 images 64 x 64, 3 classes, 5 factors, no official split",
            (737_280,),
            2,
            "4fb29c34c8ba83a2f80b4b35594a073b",
        ),
        DataCard(
            "mnist",
            "LeCun, Cortes and Burges 1998, https://huggingface.co/datasets/ylecun/mnist",
            "CC BY-SA 3.0 (its authors), MIT (the hub's page)",
            "60,000 images 28 x 28 to train and 10,000 to test, 10 classes",
            (60_000, 10_000),
            256,
            "0945db6f43b1ca9a4052ec70a3c28c7d",
        ),
        DataCard(
            "fashion_mnist",
            "Xiao, Rasul and Vollgraf 2017, "
            "https://huggingface.co/datasets/zalando-datasets/fashion_mnist",
            "MIT",
            "60,000 images 28 x 28 to train and 10,000 to test, 10 classes",
            (60_000, 10_000),
            256,
            "18bcf828533765a0594352a70223d0c9",
        ),
        DataCard(
            "cifar10",
            "Krizhevsky 2009, https://huggingface.co/datasets/uoft-cs/cifar10",
            "not stated",
            "50,000 images 3 x 32 x 32 to train and 10,000 to test, 10 classes",
            (50_000, 10_000),
            256,
            None,
            "what is published is the MD5 of the archive cifar-10-python.tar.gz, "
            "c58f30108f718f92721af3b95e74349a, and no digest of its pixels",
        ),
    )
}
ON_HUB = {
    "ylecun/mnist": "mnist",
    "zalando-datasets/fashion_mnist": "fashion_mnist",
    "uoft-cs/cifar10": "cifar10",
}


def find_card(name: str, whole: bool = True) -> DataCard:
    """Return a card; without its digest where the data was resized or read otherwise."""
    reason = "its digest is of data that is not resized, and read by the default options"
    return CARDS[name] if whole else replace(CARDS[name], content=None, unchecked=reason)
