/** The written form of an intervention, `KIND:…`, as `--do` takes it and the workbench shows it. */
import { kindNames, kindOf, kinds, type Intervention } from './interventions';
import type { Read } from './kind';
import { readForm, writtenForm } from './kind-form';

export const parseDo = (text: string): Read<Intervention> =>
  readForm<Intervention>(kinds, text) ?? {
    ok: false,
    why: `"${text}" names no kind of intervention. Write KIND:…, where KIND is one of ${kindNames.join(', ')}; e.g. ${kinds.gain.example}.`,
  };

/** What `*` stands for where a layer or a head is named. */
export interface HeadCounts extends StackCounts {
  /** The encoder of an encoder-decoder. */
  readonly source?: StackCounts | undefined;
}

interface StackCounts {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
}

/** A form of one head with `*` for its layer, its head or both, and what follows. */
const everyHead = /^\s*([\w-]+)\s*:\s*L?(\d+|\*)[.H](\d+|\*)(?=[@:=\s]|$)/i;

/** `encoder:`, and what is written behind it. */
const ofEncoder = /^(\s*encoder\s*:)(.*)$/is;

/** Whether only the model says what the form names: kinds that name several heads themselves have forms with `*` of their own. */
export const namesEvery = (text: string): boolean =>
  !parseDo(text).ok && (everyHead.exec(ofEncoder.exec(text)?.[2] ?? text)?.[0].includes('*') ?? false);

/** One intervention; or of a form such as `head:1.*=zero` one for each head that it names. */
export function parseEach(text: string, counts: HeadCounts): Read<readonly Intervention[]> {
  if (!namesEvery(text)) {
    const one = parseDo(text);
    return one.ok ? { ok: true, value: [one.value] } : one;
  }
  const [, encoder = '', form = text] = ofEncoder.exec(text) ?? [];
  if (encoder !== '' && !counts.source)
    return {
      ok: false,
      why: `"${text}" changes an encoder, but the model is not an encoder-decoder. Leave "encoder:" out.`,
    };
  const { layers, heads, kvHeads } = (encoder === '' ? undefined : counts.source) ?? counts;
  const [place = '', kind = '', layer = '', head = ''] = everyHead.exec(form) ?? [];
  if (kind.toLowerCase().endsWith('-expert') && head === '*') {
    return { ok: false, why: `"${text}" names every expert. Name one, e.g. ${kinds['forbid-expert'].example}.` };
  }
  const count = kind === 'key' || kind === 'value' ? kvHeads : heads;
  const each = (written: string, most: number): readonly (number | string)[] =>
    written === '*' ? Array.from({ length: most }, (_, at) => at) : [written];
  const list: Intervention[] = [];
  for (const ofLayer of each(layer, layers)) {
    for (const ofHead of each(head, count)) {
      const one = parseDo(`${encoder}${kind}:${ofLayer}.${ofHead}${form.slice(place.length)}`);
      if (!one.ok) return one;
      list.push(one.value);
    }
  }
  return { ok: true, value: list };
}

export const printDo = (one: Intervention): string => writtenForm(kindOf(one), one);

/** A list for captions and tables. */
export const interventionWords = (list: readonly Intervention[]): string =>
  list.map((one) => kindOf(one).words(one)).join(', ');
