/** The written form of an intervention, `KIND:…`, as `--do` takes it and the Heads panel shows it. */
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

/** The form without its `kind:`. */
export function parseKind<T extends Intervention>(kind: InterventionKind<T>, text: string): Read<T> {
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
