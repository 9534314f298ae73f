/** An intervention on the encoder of an encoder-decoder. It is written and works as on a model that reads a single text. */
import { exactly, object } from '../schema/fields';
import type { Output, Schema } from '../schema/check';
import { readForm, writtenForm } from './kind-form';
import type { InterventionKind } from './kind';
import { layerKinds, ofKinds, type LayerIntervention, type LayerKind } from './layer-kinds';

/** Kinds that need a past, a language head, a source or a recurrence beside attention, which an encoder does not have. */
const {
  reinforce: _reinforce,
  unsuppress: _unsuppress,
  plan: _plan,
  longheads: _longheads,
  'block-retrieval': _retrieval,
  'cross-gain': _crossGain,
  'cross-head': _crossHead,
  'state-gain': _stateGain,
  'state-head': _stateHead,
  ...kinds
} = layerKinds;

type Change = Extract<LayerIntervention, { readonly kind: keyof typeof kinds }>;

const change: Schema<Change> = ofKinds(kinds);
const encoderSchema = object({ kind: exactly('encoder'), change });
export type InEncoder = Output<typeof encoderSchema>;

const names = Object.keys(kinds) as readonly LayerKind[];
const of = (one: Change): InterventionKind<Change> => kinds[one.kind];

export const encoder: InterventionKind<InEncoder> = {
  kind: 'encoder',
  name: 'change of an encoder',
  meaning:
    'Changes the encoder of an encoder-decoder: another intervention, whose layers, heads and positions are those of the encoder.',
  form: 'encoder:KIND:…',
  example: 'encoder:gain:2.5=0',
  parameters: [
    {
      name: 'change',
      takes: `an intervention in its usual form: ${names.join(', ')}`,
      meaning: 'what is changed in the encoder',
    },
  ],
  schema: encoderSchema,
  parse(text) {
    const read = readForm<Change>(kinds, text);
    return read?.ok ? { kind: 'encoder', change: read.value } : undefined;
  },
  fault(text) {
    const read = readForm<Change>(kinds, text);
    if (read) return read.ok ? undefined : read.why;
    return `"${text}" names no intervention that acts on an encoder. Write encoder:KIND:…, where KIND is one of ${names.join(', ')}; e.g. ${encoder.example}.`;
  },
  print: (value) => writtenForm(of(value.change), value.change),
  words: (value) => `encoder: ${of(value.change).words(value.change)}`,
  sentence: (value) => `In the encoder: ${of(value.change).sentence(value.change)}`,
  neutral: (value) => of(value.change).neutral(value.change),
  anywhere: (value) => of(value.change).anywhere(value.change),
};
