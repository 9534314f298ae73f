/** A path that a person types or chooses in the system's dialog. */
import { html, nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import { button, textField } from './controls';

export interface PathFieldOptions {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly hint?: string;
  readonly problem?: string | undefined;
  readonly what: 'file' | 'folder' | 'picture';
  readonly onInput: (path: string) => void;
  readonly onBrowse: () => void;
  /** Where the path may be a folder as well: no dialog of Windows or Linux lets a person choose either. */
  readonly onBrowseFolder?: () => void;
}

const words = { file: 'file', folder: 'folder', picture: 'picture' } as const;

/** The end of a long path tells more than the beginning, except to one who types in it. */
function showEnd(within: Element | undefined): void {
  if (!within) return;
  // The value of this drawing is in the control by then.
  requestAnimationFrame(() => {
    const control = within.querySelector('vscode-text-field')?.shadowRoot?.querySelector('input');
    if (control && !within.matches(':focus-within')) control.scrollLeft = control.scrollWidth;
  });
}

export const pathField = (options: PathFieldOptions): TemplateResult =>
  html`<div
    class="with-button top ${options.onBrowseFolder ? 'two' : ''}"
    ${ref((within) => showEnd(within))}
    @focusout=${(event: Event) => showEnd(event.currentTarget as Element)}
  >
    ${textField(options.value === '' ? options : { hint: options.value, ...options })}
    ${button({
      label: `${options.label}: choose a ${words[options.what]}`,
      icon: options.what === 'picture' ? 'file-media' : options.onBrowseFolder ? 'file' : 'folder-opened',
      appearance: 'icon',
      onClick: options.onBrowse,
    })}
    ${
      options.onBrowseFolder
        ? button({
            label: `${options.label}: choose a folder`,
            icon: 'folder-opened',
            appearance: 'icon',
            onClick: options.onBrowseFolder,
          })
        : nothing
    }
  </div>`;
