/** The written form of an intervention, `KIND:…`, as `--do` takes it and the workbench shows it. */
import { check } from '../schema/check';
import { kindNames, kindOf, kinds, type Intervention, type KindName } from './interventions';
import type { InterventionKind, Read } from './kind';

export function parseDo(text: string): Read<Intervention> {
  const at = text.indexOf(':');
  const name = text.slice(0, at < 0 ? undefined : at).trim();
  if (!kindNames.includes(name as KindName)) {
    const why = `"${text}" names no kind of intervention. Write KIND:…, where KIND is one of ${kindNames.join(', ')}; e.g. ${kinds.gain.example}.`;
    return { ok: false, why };
  }
  return parseKind(
    kinds[name as KindName] as unknown as InterventionKind<Intervention>,
    at < 0 ? '' : text.slice(at + 1),
  );
}

/** What `*` stands for where a layer or a head is named. */
export interface HeadCounts {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
}

/** A form of one head with `*` for its layer, its head or both, and what follows. */
const everyHead = /^\s*([\w-]+)\s*:\s*L?(\d+|\*)[.H](\d+|\*)(?=[@:=\s]|$)/i;

/** Whether only the model says what the form names: kinds that name several heads themselves have forms with `*` of their own. */
export const namesEvery = (text: string): boolean =>
  !parseDo(text).ok && (everyHead.exec(text)?.[0].includes('*') ?? false);

/** One intervention; or of a form such as `head:1.*=zero` one for each head that it names. */
export function parseEach(text: string, { layers, heads, kvHeads }: HeadCounts): Read<readonly Intervention[]> {
  const [place = '', kind = '', layer = '', head = ''] = (namesEvery(text) && everyHead.exec(text)) || [];
  if (place === '') {
    const one = parseDo(text);
    return one.ok ? { ok: true, value: [one.value] } : one;
  }
  const count = kind === 'key' || kind === 'value' ? kvHeads : heads;
  const each = (written: string, most: number): readonly (number | string)[] =>
    written === '*' ? Array.from({ length: most }, (_, at) => at) : [written];
  const list: Intervention[] = [];
  for (const ofLayer of each(layer, layers)) {
    for (const ofHead of each(head, count)) {
      const one = parseDo(`${kind}:${ofLayer}.${ofHead}${text.slice(place.length)}`);
      if (!one.ok) return one;
      list.push(one.value);
    }
  }
  return { ok: true, value: list };
}

/** The form without its `kind:`. */
function parseKind<T extends Intervention>(kind: InterventionKind<T>, text: string): Read<T> {
  const parsed = kind.parse(text);
  if (!parsed) {
    return { ok: false, why: `"${text}" is no ${kind.name}. Write ${kind.form}, e.g. ${kind.example}.` };
  }
  const checked = check(kind.schema, parsed, 'it', ({ place, needed }) => {
    return `"${text}" is no ${kind.name}: ${place} is not ${needed}.`;
  });
  return checked.ok ? { ok: true, value: checked.result } : checked;
}

export const printDo = (one: Intervention): string => `${one.kind}:${kindOf(one).print(one)}`;

/** A list for captions and tables. */
export const interventionWords = (list: readonly Intervention[]): string =>
  list.map((one) => kindOf(one).words(one)).join(', ');
