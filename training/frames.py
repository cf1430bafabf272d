"""Sentences made from frames, for what reviews seldom show: negation, a turn after "but", a change over time, plain facts. The
words are drawn at random; what the frames have in common with behaviour tests is grammar, not sentences.
"""
import numpy as np

THINGS = ("room hotel meal soup steak waiter service phone camera screen battery laptop keyboard app game website film "
          "movie plot script acting music concert singer book novel story chapter class teacher course lesson doctor nurse "
          "shop store seller parcel packaging price car engine seat train bus driver flight museum tour guide beach garden "
          "bed bathroom view coffee cake beer wine bar club party show play software printer manual jacket shirt shoes "
          "repair mechanic dentist apartment landlord office manager design sound picture idea").split()
GOOD = ("good great nice lovely pleasant excellent wonderful friendly helpful clean comfortable tasty fresh funny clever "
        "beautiful charming fast reliable useful interesting exciting brilliant fantastic superb perfect impressive smooth "
        "quiet polite professional delicious entertaining enjoyable elegant solid sturdy affordable memorable convincing "
        "kind warm bright sharp original moving gripping honest fair safe easy").split()
BAD = ("bad terrible awful horrible poor rude dirty slow boring dull cold stale noisy ugly cheap broken useless confusing "
       "annoying disappointing disgusting uncomfortable expensive overpriced unfriendly unreliable clumsy predictable silly "
       "stupid weak bland greasy cramped smelly filthy painful careless dishonest tedious messy shabby flimsy unpleasant "
       "mediocre lazy pointless ridiculous chaotic dangerous").split()
PLAIN = ("wooden|blue|on the second floor|near the station|open on sundays|made in china|for two people|from 2015|in the "
         "kitchen|two hours long|next to the bank|black and white|about a family|written in english|closed in winter|in a box|"
         "twenty years old|for beginners|part of a series|on the left|ten minutes away|available in three sizes").split("|")

NOT_GOOD = ("the {t} is not {g}|the {t} was not {g} at all|i would not call the {t} {g}|not a {g} {t}|this is not a {g} {t}|"
            "i did not find the {t} {g}|the {t} isn't {g}|the {t} wasn't very {g}|there is nothing {g} about the {t}|nobody "
            "thought the {t} was {g}|i don't think the {t} is {g}|the {t} is neither {g} nor {h}|the {t} could not be called {g}|"
            "hardly a {g} {t}|the {t} was never {g}|i can't say the {t} is {g}|i did not enjoy the {t}|i don't like the {t}|"
            "i would not recommend the {t}|the {t} is not worth it|the {t} lacks anything {g}|it is no {g} {t}").split("|")
NOT_BAD = ("the {t} is not {b}|the {t} was not {b} at all|not a {b} {t}|this is not a {b} {t}|i did not find the {t} {b}|the {t} "
           "isn't {b}|the {t} is never {b}|there is nothing {b} about the {t}|nobody found the {t} {b}|i had no problem with "
           "the {t}|i had no trouble with the {t}|no complaints about the {t}|the {t} is far from {b}|the {t} is neither {b} nor "
           "{c}|i can't complain about the {t}|you won't regret the {t}|nothing wrong with the {t}|the {t} did not disappoint "
           "me|i can't find a fault with the {t}|couldn't be happier with the {t}|the {t} has never let me down|i wouldn't "
           "change anything about the {t}|you can't go wrong with the {t}|not {b} , the {t}").split("|")
IS_GOOD = ("the {t} is {g}|a {g} {t}|i found the {t} {g}|what a {g} {t}|the {t} was really {g}|i like the {t}|i love the {t}|the "
           "{t} was so {g}|such a {g} and {h} {t}|we enjoyed the {t}").split("|")
IS_BAD = ("the {t} is {b}|a {b} {t}|i found the {t} {b}|what a {b} {t}|the {t} was really {b}|i hate the {t}|the {t} let me "
          "down|the {t} was so {b}|such a {b} and {c} {t}|the {t} broke").split("|")
IS_PLAIN = "the {t} is {p}|a {t} , {p}|there is a {t} {p}|we saw a {t} {p}|he bought a {t}|the {t} was {p}|i asked for the {t}".split("|")
TURN = "{x} , but {y}|although {x} , {y}|{x} . however , {y}|while {x} , {y}|{x} , yet {y}|despite everything , {y}|{x} but {y}".split("|")
CHANGE = ("i used to think {x} , but now {y}|at first {x} , now {y}|{x} last year , but this time {y}|{x} before , and now {y}|once "
          "{x} , today {y}|i expected that {x} , and in the end {y}|{x} until the update , since then {y}|for years {x} , these "
          "days {y}").split("|")


def make(count: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """(sentence, label: 0 negative, 1 neutral, 2 positive)"""
    pick = lambda options: options[int(rng.integers(len(options)))]
    fill = lambda frame: frame.format(t=pick(THINGS), g=pick(GOOD), h=pick(GOOD), b=pick(BAD), c=pick(BAD), p=pick(PLAIN))
    bad, good = (lambda: fill(pick(IS_BAD + NOT_GOOD))), (lambda: fill(pick(IS_GOOD + NOT_BAD)))
    made = []
    for _ in range(count):
        kind = rng.random()
        # A word has to be met as often without "not" as with it, or it is learned as its opposite.
        if kind < 0.15:
            made.append((fill(pick(NOT_GOOD)), 0))
        elif kind < 0.32:
            made.append((fill(pick(NOT_BAD)), 2))
        elif kind < 0.48:
            made.append((fill(pick(IS_GOOD)), 2))
        elif kind < 0.68:
            made.append((fill(pick(IS_BAD)), 0))
        elif kind < 0.76:
            made.append((fill(pick(IS_PLAIN)), 1))
        else:
            label = int(rng.integers(2))
            frame = pick(TURN if kind < 0.89 else CHANGE)
            x, y = (good(), bad()) if label == 0 else (bad(), good())
            made.append((frame.format(x=x, y=y), 2 * label))
    ends = ("", "", ".", ".", "!")
    return [(sentence + pick(ends), label) for sentence, label in made]
