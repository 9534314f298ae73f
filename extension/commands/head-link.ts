/** What a link names beside a model: `{ "layer": 2, "head": 5, "prompt": "…" }`, each part optional. */
import { headPlace } from '../../protocol/panels/messages';
import { check } from '../../protocol/schema/check';
import { fieldsIn } from '../../protocol/schema/fields';
import { defined } from '../platform/defined';

export interface HeadLink {
  readonly select?: { readonly layer: number; readonly head: number };
  readonly prompt?: string;
}

export function headLinkOf(value: unknown): HeadLink {
  const select = check(headPlace, value);
  const { prompt } = fieldsIn(value);
  return defined({
    select: select.ok ? select.result : undefined,
    prompt: typeof prompt === 'string' ? prompt : undefined,
  });
}
