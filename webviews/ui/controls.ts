/** The controls of every panel as templates; panels never name an element of the toolkit. */
import { html, nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import { repeat } from 'lit/directives/repeat.js';
import { icon, type IconName } from './icons';

/**
 * The toolkit names a control by its text when it is connected, or else by its kind ("Text field"), whatever its aria-label
 * says (1.4.0): so the name is set after that.
 */
const named = (name: string | undefined) =>
  ref((element) => {
    if (element && name !== undefined) queueMicrotask(() => element.setAttribute('aria-label', name));
  });

/**
 * The toolkit's dropdown falls back to another option when options come or go under a value that stays (1.4.0: it keeps the
 * place, not the value). It is given the value again after its slotchange, which is one microtask after the options have changed.
 */
const holding = (value: string) =>
  ref((element) => {
    if (!element) return;
    const again = (): void => {
      const select = element as HTMLSelectElement;
      if (select.value !== value) select.value = value;
    };
    queueMicrotask(() => queueMicrotask(again));
  });

export interface ButtonOptions {
  readonly label: string;
  readonly icon?: IconName;
  readonly appearance?: 'primary' | 'secondary' | 'icon';
  readonly disabled?: boolean;
  /** Tooltip; shortcuts belong here. */
  readonly hint?: string;
  readonly pressed?: boolean;
  readonly id?: string;
  readonly onClick: (event: Event) => void;
}

export function button(options: ButtonOptions): TemplateResult {
  const appearance = options.appearance ?? 'secondary';
  if (appearance === 'icon') {
    return html`<button
      class="icon-button"
      type="button"
      id=${options.id ?? nothing}
      title=${options.hint ?? options.label}
      aria-label=${options.label}
      aria-pressed=${options.pressed === undefined ? nothing : options.pressed}
      ?disabled=${options.disabled ?? false}
      @click=${options.onClick}
    >
      ${options.icon ? icon(options.icon) : nothing}
    </button>`;
  }
  return html`<vscode-button
    appearance=${appearance}
    id=${options.id ?? nothing}
    title=${options.hint ?? nothing}
    ?disabled=${options.disabled ?? false}
    @click=${options.onClick}
    >${options.label}${
      options.icon
        ? html`<span slot="start" class="codicon codicon-${options.icon}" aria-hidden="true"></span>`
        : nothing
    }</vscode-button
  >`;
}

export interface CheckboxOptions {
  readonly label: string | TemplateResult;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly hint?: string;
  /** Read instead of the label where that holds more than words. */
  readonly name?: string;
  readonly describedBy?: string;
  readonly onChange: (checked: boolean) => void;
}

export function checkbox(options: CheckboxOptions): TemplateResult {
  return html`<vscode-checkbox
    .checked=${options.checked}
    ?disabled=${options.disabled ?? false}
    title=${options.hint ?? nothing}
    ${named(options.name)}
    aria-describedby=${options.describedBy ?? nothing}
    @change=${(event: Event) => {
      // The toolkit also reports a change that came from the model.
      const { checked } = event.target as HTMLInputElement;
      if (checked !== options.checked) options.onChange(checked);
    }}
    >${options.label}</vscode-checkbox
  >`;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly disabled?: boolean;
  readonly hint?: string;
}

export interface DropdownOptions {
  readonly label: string;
  readonly choices: readonly Choice[];
  readonly value: string;
  readonly disabled?: boolean;
  readonly onChange: (value: string) => void;
}

export function dropdown(options: DropdownOptions): TemplateResult {
  return html`<vscode-dropdown
    ${named(options.label)}
    ${holding(options.value)}
    ?disabled=${options.disabled ?? false}
    .value=${options.value}
    @change=${(event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      if (value !== options.value) options.onChange(value);
    }}
    >${repeat(
      options.choices,
      (choice) => choice.value,
      (choice) =>
        html`<vscode-option
          value=${choice.value}
          ?selected=${choice.value === options.value}
          ?disabled=${choice.disabled ?? false}
          title=${choice.hint ?? nothing}
          >${choice.label}</vscode-option
        >`,
    )}</vscode-dropdown
  >`;
}

export interface TextOptions {
  readonly label: string;
  readonly value: string;
  readonly disabled?: boolean;
  readonly hint?: string;
  /** One sentence, when what is typed cannot be used. */
  readonly problem?: string | undefined;
  readonly numeric?: boolean;
  /** What stands in the empty field: the value that is taken then. */
  readonly placeholder?: string;
  readonly onInput: (text: string) => void;
}

export function textField(options: TextOptions): TemplateResult {
  const problemId = `problem-${options.label.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}`;
  return html`<div class="text-control ${options.numeric ? 'numeric' : ''} ${options.problem ? 'invalid' : ''}">
    <vscode-text-field
      ${named(options.label)}
      aria-invalid=${options.problem ? 'true' : 'false'}
      aria-describedby=${options.problem ? problemId : nothing}
      title=${options.hint ?? nothing}
      placeholder=${options.placeholder ?? nothing}
      .value=${options.value}
      ?disabled=${options.disabled ?? false}
      @input=${(event: Event) => options.onInput((event.target as HTMLInputElement).value)}
    ></vscode-text-field>
    ${options.problem ? html`<div class="problem" id=${problemId} role="alert">${options.problem}</div>` : nothing}
  </div>`;
}

/** A name on the left, its control on the right; one grid for a whole form. */
export function field(name: string, control: TemplateResult, hint?: string): TemplateResult {
  return html`<div class="field-name" title=${hint ?? nothing}>${name}</div>
    <div class="field-control">${control}</div>`;
}

/** Never alone: always beside the words that say what is being done. */
export const progressRing = (): TemplateResult =>
  html`<vscode-progress-ring aria-hidden="true"></vscode-progress-ring>`;

export interface DisclosureOptions {
  readonly title: string | TemplateResult;
  readonly open: boolean;
  readonly id?: string;
  readonly onToggle: (open: boolean) => void;
  /** Drawn only while open. */
  readonly body: () => TemplateResult | typeof nothing;
  readonly aside?: TemplateResult;
}

export function disclosure(options: DisclosureOptions): TemplateResult {
  return html`<section class="disclosure ${options.open ? 'open' : ''}" id=${options.id ?? nothing}>
    <div class="disclosure-head">
      <button
        type="button"
        class="disclosure-button"
        aria-expanded=${options.open}
        @click=${() => options.onToggle(!options.open)}
      >
        ${icon(options.open ? 'chevron-down' : 'chevron-right')}<span>${options.title}</span>
      </button>
      ${options.aside ?? nothing}
    </div>
    ${options.open ? html`<div class="disclosure-body">${options.body()}</div>` : nothing}
  </section>`;
}

export const toolbar = (label: string, content: TemplateResult | readonly TemplateResult[]): TemplateResult =>
  html`<div class="toolbar" role="group" aria-label=${label}>${content}</div>`;

export interface SegmentsOptions<Value extends string> {
  readonly label: string;
  readonly choices: readonly { readonly value: Value; readonly label: string }[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

/** Two or three ways to see the same, all named: Tab goes to the chosen one, arrows choose the next. */
export function segments<Value extends string>({
  label: name,
  choices,
  value: chosen,
  onChange,
}: SegmentsOptions<Value>): TemplateResult {
  const at = Math.max(
    0,
    choices.findIndex(({ value }) => value === chosen),
  );
  const onKey = (event: KeyboardEvent): void => {
    const [before, after] = [at + choices.length - 1, at + 1];
    const keys = { ArrowLeft: before, ArrowUp: before, ArrowRight: after, ArrowDown: after };
    const to = { ...keys, Home: 0, End: choices.length - 1 }[event.key];
    const next = to === undefined ? undefined : choices[to % choices.length];
    if (to === undefined || next === undefined) return;
    event.preventDefault();
    (event.currentTarget as HTMLElement).querySelectorAll('button')[to % choices.length]?.focus();
    if (next.value !== chosen) onChange(next.value);
  };
  return html`<div class="segments" role="radiogroup" aria-label=${name} @keydown=${onKey}>
    ${choices.map(
      ({ value, label }, index) =>
        html`<button
          type="button"
          role="radio"
          aria-checked=${value === chosen}
          tabindex=${index === at ? 0 : -1}
          @click=${() => onChange(value)}
        >
          ${label}
        </button>`,
    )}
  </div>`;
}
