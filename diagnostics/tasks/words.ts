/**
 * Words that several tasks draw from. Common ones, so that most tokenizers have each as one token after a space; those that a
 * tokenizer splits where one token is needed are left out for its model.
 */
const list = (words: string): readonly string[] => words.split(' ');

export const names = list(
  'Mary John Tom Anna Paul Lucy Mark Jane Peter Alice James Sarah David Emma Simon Laura Daniel Ruth Robert Helen Frank Martha ' +
    'Henry Clara Oscar Nora Victor Rosa Martin Irene Felix Grace Hugo Julia Leo Kate Max Sophie Adam Eve',
);

export const objects = list(
  'pen cup ball book key ring plate bottle lamp chair basket drum candle box bag hat spoon mirror coin letter',
);

export const places = list(
  'garden market school church river station kitchen harbor library office hospital bank park museum forest castle',
);

export const surfaces = list('table desk floor');

export const colours = list('red orange yellow green blue purple brown black');

/** By category. */
export const categories: Readonly<Record<string, readonly string[]>> = {
  animal: list('dog cat horse cow sheep bird fish bear lion wolf'),
  fruit: list('apple pear grape lemon peach plum cherry fig'),
  tool: list('hammer saw knife spade axe needle rope plough'),
  metal: list('gold silver iron copper tin lead'),
  drink: list('water milk wine tea coffee beer'),
};

export const nouns = [...objects, ...Object.values(categories).flat()];

/** `a red cup`, `an orange cup`. */
export const article = (word: string): string => (/^[aeiou]/iu.test(word) ? 'an' : 'a');
