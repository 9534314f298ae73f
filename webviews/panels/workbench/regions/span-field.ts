/** The field of a part of the prompt: its tokens to be marked, above the numbers of the first and the last one. */
import { html, type TemplateResult } from 'lit';
import type { Tokenised } from '../../../../protocol/compute/models';
import type { SpanField } from '../../../ui/table-fields';
import type { State } from '../state';
import { drawnOnPrompt } from './read-prompt';
import './span-control';

export const spanField = (state: State, { start, end, set }: SpanField): TemplateResult =>
  drawnOnPrompt(
    state,
    'The tokens',
    ({ tokens }: Tokenised, isOld) =>
      html`<hs-span
        class=${isOld ? 'old' : ''}
        .tokens=${tokens}
        .start=${start}
        .end=${end}
        .onInput=${set}
      ></hs-span>`,
  );
