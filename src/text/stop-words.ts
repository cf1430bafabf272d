/**
 * English words that bear no meaning of their own to search by. The answer model was trained with this very list
 * (training/features.py): a change needs a new training.
 */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it ' +
    'its many me more most much my not of on or our out over she should so some than that the their them then there ' +
    'these they this those to under up was we were what when where which while who whom whose why will with would you ' +
    'your'
  ).split(' '),
)
