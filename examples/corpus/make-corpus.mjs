// node examples/corpus/make-corpus.mjs: writes documents.jsonl, an example corpus of three sources. Every document has a
// `recall` from 0 to 1: how much of it can only be known by whoever looks back. All text is made from the words below.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const words = (text) => text.split(' ');
const names = words('Mary John Tom Anna Paul Lucy Mark Jane Peter Alice James Sarah David Emma Simon Laura');
const objects = words(
  'pen cup ball book key ring plate bottle lamp chair basket drum candle box bag hat spoon mirror coin',
);
const places = words(
  'garden market school church river station kitchen harbor library office hospital bank park forest',
);
const colors = words('red orange yellow green blue purple brown black');
const animals = words('dog cat horse cow sheep bird fish bear lion wolf');
const fruit = words('apple pear grape lemon peach plum cherry fig');
const nouns = [
  ...objects,
  ...animals,
  ...fruit,
  ...words('hammer saw knife spade axe gold silver iron water milk wine tea'),
];

let state = 20260526;
const random = () => {
  state = (state + 0x9e3779b9) >>> 0;
  let mixed = state ^ (state >>> 16);
  mixed = Math.imul(mixed, 0x21f0aaad);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x735a2d97);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const shuffled = (list) =>
  list
    .map((value) => [random(), value])
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);

/** Lines of a word and its word; behind them a share of the lines again, in another order. */
function table(recall) {
  const pairs = 8 + Math.floor(random() * 12);
  const keys = shuffled(nouns).slice(0, pairs);
  const lines = keys.map((key) => `The ${key}: ${pick(nouns)}`);
  const again = shuffled(lines).slice(0, Math.round(recall * pairs));
  const others = shuffled(nouns.filter((noun) => !keys.includes(noun)));
  const fresh = others.slice(0, pairs - again.length).map((key) => `The ${key}: ${pick(nouns)}`);
  return [...lines, ...shuffled([...again, ...fresh])].join('\n');
}

const events = [
  ({ one, thing, place }) => `One day ${one} took the ${thing} to the ${place}.`,
  ({ one, place }) => `${one} went to the ${place} early in the morning.`,
  ({ one, color, thing }) => `${one} saw a ${color} ${thing} and wanted to buy it.`,
  ({ one, other }) => `${one} and ${other} were good friends.`,
  ({ animal, one, place }) => `The ${animal} ran away and ${one} looked for it near the ${place}.`,
  ({ one, food }) => `${one} ate a ${food} and was happy.`,
  ({ place }) => `It was a cold day and nobody was in the ${place}.`,
  ({ one, other }) => `${other} asked ${one} a question, but ${one} did not answer.`,
];
const event = () =>
  pick(events)({
    one: pick(names),
    other: pick(names),
    thing: pick(objects),
    place: pick(places),
    color: pick(colors),
    animal: pick(animals),
    food: pick(fruit),
  });

/** Sentences of a story among which things are put down, and asked for at its end. */
function story(recall) {
  const things = shuffled(objects).slice(0, 6);
  const owners = shuffled(names);
  const where = things.map((thing, at) => `The ${thing} of ${owners[at]} is in the ${pick(places)}.`);
  const asked = Math.round(recall * things.length);
  const told = [...where, ...Array.from({ length: 10 + Math.floor(random() * 10) }, event)];
  const questions = shuffled(things.map((_, at) => at))
    .slice(0, asked)
    .map((at) => {
      const [, place] = /in the (\w+)\.$/.exec(where[at]);
      return `Where is the ${things[at]} of ${owners[at]}? It is in the ${place}.`;
    });
  const rest = Array.from({ length: things.length - asked }, event);
  return `${shuffled(told).join(' ')}\n${[...questions, ...rest].join(' ')}`;
}

/** Letters of one wording; a share of them quotes the letter before, word by word. */
function letters(recall) {
  const kept = [];
  const parts = Array.from({ length: 5 + Math.floor(random() * 4) }, (_, number) => {
    const [from, to] = shuffled(names);
    const quoted = number > 0 && random() < recall ? ` You wrote: ${kept[number - 1]}` : '';
    const said = Array.from({ length: 3 }, event).join(' ');
    kept.push(said);
    return `Dear ${to},${quoted} ${said} Yours, ${from}`;
  });
  return parts.join('\n');
}

const each = 20;
const documents = [
  ['tables', table],
  ['stories', story],
  ['letters', letters],
].flatMap(([source, make]) =>
  Array.from({ length: each }, (_, number) => {
    const recall = Math.round((100 * number) / (each - 1)) / 100;
    return { id: `${source}-${number + 1}`, source, recall, text: make(recall) };
  }),
);
// What a corpus of one's own has as well: a document longer than the context, and one that is there twice.
const long = Array.from({ length: 24 }, (_, number) => story(number % 2)).join('\n\n');
documents.push({ id: 'stories-long', source: 'stories', recall: 0.5, text: long });
documents.push({ id: 'stories-again', source: 'stories', recall: 0, text: documents[each].text });

const lines = documents.map((document) => JSON.stringify(document));
writeFileSync(join(import.meta.dirname, 'documents.jsonl'), `${lines.join('\n')}\n`);
