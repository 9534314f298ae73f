/** Text of several lines and numbers on a slide: controls that the toolkit lacks or draws too large. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';

export interface TextAreaOptions {
  readonly label: string;
  readonly value: string;
  readonly rows: number;
  readonly id?: string;
  readonly placeholder?: string;
  readonly disabled?: boolean;
  readonly code?: boolean;
  /** One sentence, when what is typed cannot be used. */
  readonly problem?: string | undefined;
  readonly onInput: (text: string) => void;
}

export function textArea(options: TextAreaOptions): TemplateResult {
  const problemId = `problem-${options.label.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}`;
  return html`<div class="text-area ${options.problem ? 'invalid' : ''}">
    <textarea
      id=${options.id ?? nothing}
      class=${options.code ? 'code' : ''}
      rows=${options.rows}
      spellcheck="false"
      aria-label=${options.label}
      aria-invalid=${options.problem ? 'true' : 'false'}
      aria-describedby=${options.problem ? problemId : nothing}
      placeholder=${options.placeholder ?? nothing}
      ?disabled=${options.disabled ?? false}
      .value=${live(options.value)}
      @input=${(event: Event) => options.onInput((event.target as HTMLTextAreaElement).value)}
    ></textarea>
    ${options.problem ? html`<div class="problem" id=${problemId} role="alert">${options.problem}</div>` : nothing}
  </div>`;
}

export interface SliderOptions {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly id?: string;
  readonly disabled?: boolean;
  readonly hint?: string;
  /** The value in words, for those who hear it. */
  readonly valueText: string;
  readonly onInput: (value: number) => void;
  /** The person has let go. */
  readonly onChange?: (value: number) => void;
}

export const slider = (options: SliderOptions): TemplateResult =>
  html`<input
    type="range"
    class="slider"
    id=${options.id ?? nothing}
    min=${options.min}
    max=${options.max}
    step=${options.step}
    aria-label=${options.label}
    aria-valuetext=${options.valueText}
    title=${options.hint ?? nothing}
    ?disabled=${options.disabled ?? false}
    .value=${live(String(options.value))}
    @input=${(event: Event) => options.onInput((event.target as HTMLInputElement).valueAsNumber)}
    @change=${(event: Event) => options.onChange?.((event.target as HTMLInputElement).valueAsNumber)}
  />`;
