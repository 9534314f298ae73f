/** A field that finds rows of a list below it. */
import { html, type TemplateResult } from 'lit';

interface SearchField {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onInput: (typed: string) => void;
}

export const searchField = ({ id, label, placeholder, value, onInput }: SearchField): TemplateResult =>
  html`<input
    type="search"
    class="search-field"
    id=${id}
    aria-label=${label}
    placeholder=${placeholder}
    .value=${value}
    @input=${(event: Event) => onInput((event.target as HTMLInputElement).value)}
  />`;
