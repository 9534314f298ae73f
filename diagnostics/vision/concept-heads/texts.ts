/** The texts that heads are held against: a list of short descriptions by property, or a person's own file. */
import { refusal } from '../../../protocol/wire/failures';
import { parseJsonText } from '../../../protocol/wire/json-text';

/** Texts of a run at most: each is one run of the text encoder. */
export const mostTexts = 1024;

const colours = 'red orange yellow green blue purple pink brown black white grey'.split(' ');
const shapes = 'circle square triangle rectangle star cross ring line spiral grid'.split(' ');
const things =
  'dog,cat,horse,cow,bird,fish,insect,flower,tree,fruit,vegetable,meal,cup,bottle,chair,table,bed,lamp,book,clock,phone,computer,car,bus,train,bicycle,boat,aeroplane,house,bridge,church,tower,road sign,flag,ball,hat,shoe,bag,knife,guitar'.split(
    ',',
  );
const places =
  'a beach,a forest,a mountain,a desert,a lake,a river,the sea,the sky,a field,a garden,a street,a city at night,a kitchen,a bedroom,an office,a shop,a stadium,a harbour,a farm,a snowy landscape'.split(
    ',',
  );
const materials =
  'wood,metal,glass,stone,fabric,fur,feathers,paper,plastic,water,sand,grass,leaves,bricks,skin,smoke'.split(',');
const patterns = 'stripes,dots,checks,a smooth surface,a rough surface,a repeated pattern,fine lines,noise'.split(',');
const counts = ['one object', 'two objects', 'three objects', 'four objects', 'many objects', 'no object at all'];
const positions = [
  'on the left',
  'on the right',
  'at the top',
  'at the bottom',
  'in the middle',
  'in a corner',
  'far away',
  'very close',
];
const looks =
  'a bright picture,a dark picture,a blurred picture,a sharp picture,a black and white photo,a colourful picture,a drawing,a painting,a cartoon,a diagram,a screenshot,a logo,an old photo,a close-up,a view from above,a portrait,a picture with words,a picture with numbers,a plain background,a crowded scene'.split(
    ',',
  );
const moods =
  'a happy face,a sad face,an angry face,a person,a child,a crowd,people working,people playing a sport,an animal that runs,an animal that rests,summer,winter,morning light,sunset,rain,fog'.split(
    ',',
  );

/** Texts of Headscope's own, written like short captions. */
export const usualTexts: readonly string[] = [
  ...colours.flatMap((colour) => [`a ${colour} object`, `a picture that is mostly ${colour}`]).map(withArticle),
  ...shapes.map((shape) => `a picture of a ${shape}`),
  ...colours.slice(0, 6).flatMap((colour) => shapes.slice(0, 3).map((shape) => withArticle(`a ${colour} ${shape}`))),
  ...things.map((thing) => withArticle(`a photo of a ${thing}`)),
  ...places.map((place) => `a photo of ${place}`),
  ...materials.map((material) => `something made of ${material}`),
  ...patterns.map((pattern) => `a picture with ${pattern}`),
  ...counts.map((count) => `a picture with ${count}`),
  ...positions.map((position) => `an object ${position}`),
  ...looks,
  ...moods,
];

function withArticle(text: string): string {
  return text.replaceAll(/\ba (?=[aeio])/gu, 'an ');
}

/** One text a line; blank lines and lines that begin with two slashes are left out. */
export function textsOf(path: string, file: string): readonly string[] {
  const lines = file
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('//'));
  const texts = [...new Set(lines)];
  if (texts.length < 2) throw refusal(`${path} holds fewer than two texts. Write one text a line.`);
  if (texts.length > mostTexts)
    throw refusal(`${path} holds ${texts.length} texts, and at most ${mostTexts} are read. Shorten it.`);
  const long = texts.find((text) => text.length > 500);
  if (long !== undefined) throw refusal(`${path}: "${long.slice(0, 40)}…" has more than 500 characters. Shorten it.`);
  return texts;
}

/** {"picture.png": "text"}; the names are file names. */
export function labelsOf(path: string, file: string): ReadonlyMap<string, string> {
  const next = 'Write {"picture.png": "a photo of a dog", …}.';
  const read = parseJsonText(file);
  if (!read.ok) throw refusal(`${path} is not valid JSON (${read.fault}). ${next}`);
  const parsed = read.value;
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw refusal(`${path} holds no object. ${next}`);
  const labels = new Map<string, string>();
  for (const [name, label] of Object.entries(parsed)) {
    if (typeof label !== 'string' || label.trim() === '') throw refusal(`${path}: "${name}" has no text. ${next}`);
    labels.set(name, label.trim());
  }
  if (new Set(labels.values()).size < 2) throw refusal(`${path} names fewer than two classes. ${next}`);
  return labels;
}
