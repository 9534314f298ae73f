/** What is chosen, beside the picture: its name, note and pin, its strongest edges, and what can be done with it. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { parentsOf } from '../../../protocol/circuits/shown';
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import { button, checkbox } from '../../ui/controls';
import type { CircuitPage } from './part';
import type { Drawn } from './state';
import { counted, nameOf, nodeWords, weightWords } from './words';

const mostEdges = 6;

export function details(page: CircuitPage, circuit: Circuit, drawn: Drawn): TemplateResult {
  const { selection } = page.state;
  const [id] = selection;
  return html`<section class="circuit-details" aria-label="What is chosen">
    ${
      id === undefined
        ? html`<h2>Nothing is chosen</h2>
            <p class="reason">
              Click a node, or drag with Shift over several. Drag a node to move it, and the ground to move the picture.
              Control and the wheel zoom.
            </p>`
        : selection.length === 1
          ? one(page, circuit, drawn, id)
          : several(page, circuit, drawn)
    }
  </section>`;
}

function several(page: CircuitPage, circuit: Circuit, drawn: Drawn): TemplateResult {
  const { selection } = page.state;
  const names = selection.slice(0, 12).map((id) => nameOf(drawn, id));
  const rest = selection.length - names.length;
  return html`<h2>${counted(selection.length, 'node')} chosen</h2>
    <p class="reason">${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}</p>
    <div class="circuit-acts">
      ${button({ label: 'Group', id: 'group', appearance: 'primary', hint: 'G', onClick: () => page.actions.act('group') })}
      ${pinButton(page, circuit)} ${placeButton(page, circuit)}
    </div>`;
}

function one(page: CircuitPage, circuit: Circuit, drawn: Drawn, id: string): TemplateResult {
  const { state, actions } = page;
  const words = nodeWords(drawn, circuit.unit, id);
  const group = circuit.groups.find((of) => of.id === id);
  const own = drawn.comparison === undefined || group || circuit.nodes.some((node) => node.id === id);
  const note = circuit.marks.find(({ of }) => of === id)?.note ?? '';
  const parent = circuit.groups.find((of) => of.id === parentsOf(circuit.groups).get(id));
  return html`<h2 id="chosen">${words?.[0] ?? id}</h2>
    <p class="reason">
      ${words?.[1] ?? ''}${words?.[2] && words[2] !== note ? html`<br />${words[2].replace(note, '').trim()}` : nothing}
    </p>
    ${
      own
        ? html`<label class="circuit-field"
              ><span>Name</span>
              <input
                id="name"
                type="text"
                maxlength="200"
                spellcheck="false"
                placeholder=${drawn.byId.get(id)?.label ?? ''}
                .value=${live(nameOf(drawn, id))}
                @change=${(event: Event) => actions.post({ kind: 'rename', id, name: (event.target as HTMLInputElement).value })}
                @keydown=${(event: KeyboardEvent) => event.key === 'Enter' && (event.currentTarget as HTMLElement).blur()}
              />
            </label>
            <label class="circuit-field"
              ><span>Note</span>
              <textarea
                id="note"
                rows="3"
                maxlength="20000"
                .value=${live(state.draft?.id === id ? state.draft.note : note)}
                @input=${(event: Event) => actions.note(id, (event.target as HTMLTextAreaElement).value, false)}
                @change=${(event: Event) => actions.note(id, (event.target as HTMLTextAreaElement).value, true)}
              ></textarea>
            </label>
            <div class="circuit-acts">
              ${
                group
                  ? html`${button({ label: group.open ? 'Close Group' : 'Open Group', hint: 'Enter', onClick: () => actions.act('toggle') })}
                    ${button({ label: 'Ungroup', id: 'ungroup', hint: 'U', onClick: () => actions.act('ungroup') })}`
                  : nothing
              }
              ${
                !group && parent?.open
                  ? button({
                      label: `Close ${parent.name.slice(0, 40)}`,
                      hint: 'Enter',
                      onClick: () => actions.act('toggle'),
                    })
                  : nothing
              }
              ${pinButton(page, circuit)} ${placeButton(page, circuit)}
            </div>`
        : nothing
    }
    ${edgesOf(page, circuit, drawn, id)}`;
}

function pinButton({ state, actions }: CircuitPage, { marks }: Circuit): TemplateResult {
  const pinned = new Set(marks.filter((mark) => mark.pinned).map(({ of }) => of));
  const all = state.selection.every((id) => pinned.has(id));
  return checkbox({
    label: 'Pinned',
    checked: all,
    hint: 'P. Stays drawn in full whatever edges are hidden, and alone with Pinned only.',
    onChange: () => actions.act('pin'),
  });
}

function placeButton({ state, actions }: CircuitPage, { marks }: Circuit): TemplateResult | typeof nothing {
  const placed = marks.filter(({ of, at }) => at !== undefined && state.selection.includes(of)).map(({ of }) => of);
  return placed.length === 0
    ? nothing
    : button({
        label: 'Back to Its Place',
        hint: 'Where the layout puts it: the row of its layer.',
        onClick: () => actions.post({ kind: 'unplace', ids: placed }),
      });
}

function edgesOf({ actions }: CircuitPage, { unit }: Circuit, drawn: Drawn, id: string): TemplateResult {
  const list = (title: string, end: 'from' | 'to') => {
    const edges = drawn.ranked.filter((edge) => edge[end === 'from' ? 'to' : 'from'] === id);
    if (edges.length === 0) return nothing;
    return html`<h3>${title}${edges.length > mostEdges ? `, the strongest ${mostEdges} of ${edges.length}` : ''}</h3>
      <ul class="circuit-edges">
        ${edges.slice(0, mostEdges).map(
          (edge) =>
            html`<li>
              <button type="button" class="link" @click=${() => actions.choose([edge[end]])}>
                ${nameOf(drawn, edge[end])}
              </button>
              ${edge.input === undefined ? nothing : html`<span class="muted">${edge.input}</span>`}
              <span class="weight">${weightWords(edge, unit)}${edge.gone === undefined ? '' : ', gone'}</span>
            </li>`,
        )}
      </ul>`;
  };
  return html`${list('From', 'from')} ${list('To', 'to')}`;
}
