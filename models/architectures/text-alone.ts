/**
 * The text part of a model that also reads pictures or sound, run by itself where another part of the model does not run. Such a part
 * is a decoder, an encoder or both, of a family of text: without pictures the class feeds it the embeddings of its tokens, in their
 * order, and nothing else.
 */
import { familyById } from '../formats/families/catalogue';
import type { CompositeFamily, TextAlone } from '../formats/families/shared/family';
import { nameIn } from '../formats/families/shared/decoder-layout';
import type { StackRow } from '../formats/families/shared/family';
import { rowOfHalf } from '../formats/families/shared/halves';
import type { ModelDescription, ModelPart } from '../formats/model-description';
import { mainPart } from '../formats/model-description';
import { probeOf, rootsOf } from './decoder/decoder';
import { ModelError, type ModelSpec } from './model-spec';
import type { StoredWeights } from './stored-weights';

/** Which parts of a whole are computed: how its parts are joined, and a vision encoder. */
interface Computed {
  readonly whole: boolean;
  readonly vision: (part: ModelPart) => boolean;
}

/** Decoder and encoder of a text. */
export interface Halves {
  readonly decoder: ModelPart;
  readonly encoder: ModelPart;
}

/** The encoder-decoder of text that such a whole has for its text part (Florence-2, BLIP-2 with T5). */
export function textHalves({ family: id, parts }: ModelDescription): Halves | undefined {
  const whole = familyById(id);
  const [decoder, encoder] = parts;
  if (whole?.kind !== 'composite' || !whole.textAlone || decoder?.role !== 'decoder' || encoder?.role !== 'encoder')
    return undefined;
  const family = familyById(decoder.family);
  const both = family?.kind === 'composite' && family.run && family.decoder && family.encoder;
  return both && encoder.family === decoder.family ? { decoder, encoder } : undefined;
}

const senses = { vision: 'Pictures', audio: 'Sound' } as const;

/**
 * What is not read when the text part of a model runs alone, as one sentence. Undefined for a model that runs as a whole, and for one
 * whose text part is not a model of text without the rest.
 */
export function unreadSentence(model: ModelDescription, computed: Computed): string | undefined {
  const family = familyById(model.family);
  const text = mainPart(model);
  if (family?.kind !== 'composite' || !family.textAlone || !text || text.role === 'vision') return undefined;
  const { layersBetween, reads } = rulesOf(family);
  // Layers that are cross-attention alone are left out of a text without pictures.
  const inLayers = text.layers.some(({ crossAttention: cross, attention }) => cross && attention.kind !== 'none');
  if (inLayers && !layersBetween && !textHalves(model)) return undefined;
  const beside = model.parts.filter(({ role }) => role === 'vision' || role === 'audio');
  const missing = beside.filter((part) => part.role === 'audio' || !computed.vision(part));
  if (missing.length === 0 && computed.whole) return undefined;
  const found = [...new Set(beside.map(({ role }) => role))].filter((role) => role === 'vision' || role === 'audio');
  const said = reads === 'both' ? (['vision', 'audio'] as const) : reads ? [reads] : [];
  const roles = found.length === 0 ? said : found;
  const named = roles.map((role) => senses[role]);
  const what =
    named.length === 2 ? 'Pictures and sound are' : `${named[0] ?? 'Pictures'} ${named[0] === 'Sound' ? 'is' : 'are'}`;
  const [first] = missing;
  const why = first
    ? `the ${first.role} encoder${first.family === 'generic' ? '' : ` "${first.family}"`}`
    : `what joins the ${roles[0] === 'audio' ? 'sound' : 'pictures'} of "${model.family}" to the text`;
  const between = layersBetween ? ' The layers that read them, between those of the text model, are left out.' : '';
  return `${what} not read: Headscope does not run ${why} yet.${between}`;
}

/** Why a decoder whose layers read encoded pictures or sound does not run by itself; undefined for any other. */
export function crossedSentence({ title, parts }: ModelDescription): string | undefined {
  const text = parts.find(({ role }) => role === 'decoder');
  const beside = parts.find(({ role }) => role === 'vision' || role === 'audio');
  // A decoder without a vocabulary finds things in pictures.
  if (!beside || !text?.vocabularySize || !text.layers.some(({ crossAttention }) => crossAttention !== undefined))
    return undefined;
  const sense = beside.role === 'audio' ? 'sound' : 'pictures';
  return `The decoder of ${title} reads encoded ${sense} in its layers, and Headscope does not run that encoder yet. Choose a model whose text part reads text alone.`;
}

const rulesOf = ({ textAlone }: CompositeFamily): TextAlone => (typeof textAlone === 'object' ? textAlone : {});

/** Where the parts of published wholes lie, in front of the names of a model of text, and of its language head. */
const places = [
  { text: 'model.language_model.', head: '' },
  { text: 'language_model.', head: 'language_model.' },
  { text: 'model.text_model.', head: '' },
  { text: 'thinker.', head: 'thinker.' },
  { text: 'language.', head: 'language.' },
  { text: 'text_model.', head: '' },
  { text: 'llm.', head: 'llm.' },
  { text: '', head: '' },
] as const;

/** Where the text part lies: the prefix of its names and of its head, and how they are renamed. */
interface TextPlace {
  readonly text: string;
  readonly head: string;
  readonly rename?: (name: string) => string;
}

const rowOf = (part: ModelPart): StackRow | undefined => {
  const family = familyById(part.family);
  if (family?.kind === 'composite') return family.decoder && rowOfHalf(family.decoder, part, part.modelType);
  return typeof family?.stack === 'function' ? family.stack(part) : family?.stack;
};

/** The place under which the embedding of the text part is stored, or where halves share one, its first layer. */
export function placeOfText(model: ModelDescription, part: ModelPart, weights: StoredWeights): TextPlace {
  const whole = familyById(model.family);
  const names = whole?.kind === 'composite' ? whole.textNames : undefined;
  const own: readonly TextPlace[] =
    typeof names === 'function'
      ? [{ text: '', head: '', rename: names }]
      : names === undefined
        ? []
        : [{ text: names, head: names }];
  const { layout } = rowOf(part) ?? {};
  // Towers of text beside a picture find their own place.
  if (!layout) return { text: '', head: '' };
  const roots = rootsOf(nameIn<string>(layout.root, part));
  const probe = probeOf(layout, part);
  const stored = ({ text, rename = (name) => name }: TextPlace) =>
    roots.some((root) => weights.find(rename(`${text}${root}${probe}`)) !== undefined);
  const found = [...own, ...places].find(stored);
  if (found) return found;
  throw new ModelError(
    `The checkpoint has no tensor "language_model.${roots[0] ?? ''}${probe}", so its text model cannot be found.`,
  );
}

/** The text part without the layers that were put between its own. */
export const withoutLayersBetween = (model: ModelDescription, part: ModelPart): ModelPart => {
  const family = familyById(model.family);
  if (family?.kind !== 'composite' || !rulesOf(family).layersBetween) return part;
  return { ...part, layers: part.layers.map(({ crossAttention: _between, ...layer }) => layer) };
};

/** With the language head of the whole, where that is another one than the text family's. */
export function withHeadOf(model: ModelDescription, text: ModelSpec): ModelSpec {
  const family = familyById(model.family);
  const { vocabulary } = text.head;
  if (family?.kind !== 'composite' || !rulesOf(family).plainLogits || !vocabulary) return text;
  const { factor: _factor, ...plain } = vocabulary;
  return { ...text, head: { ...text.head, vocabulary: plain } };
}
