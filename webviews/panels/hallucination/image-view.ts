/** The picture with the map of the selected head or set, for the selected word. */
import { html, nothing, type TemplateResult } from 'lit';
import { scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import { button, disclosure, dropdown, segments } from '../../ui/controls';
import { isOpen } from '../../ui/disclosures';
import { icon } from '../../ui/icons';
import { significant } from '../../ui/numbers';
import { toCsv } from '../../ui/csv';
import { type Column, numberColumn, table, textColumn } from '../../ui/table';
import type { Part } from './actions';
import { mapChooser, mapTitle, waiting } from './map-words';
import { mapModel, topPatches, type MapModel } from './map-model';
import './picture-map';
import { levelName, levelsOf, patchesOf, placeWords, type Patch } from './picture-layout';
import { pictureOf, stepOf } from './shown';
import type { State } from './state';

export function imageView(part: Part): TemplateResult | typeof nothing {
  const { state, actions, dark } = part;
  const { view } = state;
  const picture = pictureOf(state);
  if (!picture) return missingPicture(state);
  const { image } = picture;
  const levels = levelsOf(image);
  const level = levels[Math.min(view.level, levels.length - 1)] ?? [];
  const model = mapModel(patchesOf(image, level), state.map?.value, state.result?.sinks);
  const drawn = state.map?.value !== undefined;
  return html`<section class="image-view" aria-label="Picture">
    <div class="section-head">
      <h2>${mapTitle(state) ?? image.name}</h2>
      ${segments({
        label: 'Draw',
        choices: [
          { value: 'both', label: 'Both' },
          { value: 'picture', label: 'Picture' },
          { value: 'map', label: 'Map' },
        ],
        value: view.overlay,
        onChange: (overlay) => actions.view({ overlay }),
      })}
    </div>
    ${
      stepOf(state)
        ? html`<div class="image-tools">
            ${mapChooser(part)}
            ${
              levels.length > 1
                ? dropdown({
                    label: 'Level of the tiles',
                    choices: levels.map((one, at) => ({ value: String(at), label: levelName(image, one) })),
                    value: String(Math.min(view.level, levels.length - 1)),
                    onChange: (value) => actions.view({ level: Number(value) }),
                  })
                : nothing
            }
          </div>`
        : nothing
    }
    <hs-picture-map
      .picture=${picture}
      .model=${model}
      .level=${level}
      .overlay=${view.overlay}
      .patch=${state.patch}
      @select-patch=${(event: CustomEvent<Patch>) => actions.selectPatch(event.detail)}
    ></hs-picture-map>
    ${
      drawn
        ? html`${scaleBar({ title: 'Share of the attention', low: 0, high: model.high, stops: scaleStops(false, dark) })}
            <p class="reason" id="map-mass">${massWords(state, model)}</p>`
        : html`<p class="reason">${waiting(state)}</p>`
    }
    ${sinkNote(state, model)}
    ${
      drawn
        ? disclosure({
            title: 'Patches read most',
            open: isOpen(state, 'patches', false),
            id: 'patches',
            onToggle: (open) => actions.toggle('patches', open),
            body: () => patchTable(part, model, level),
          })
        : nothing
    }
  </section>`;
}

function missingPicture({ form, pictureProblem, result, place }: State): TemplateResult | typeof nothing {
  if (pictureProblem) return html`<p class="problem" role="alert">${pictureProblem}</p>`;
  if (place === 'file' && result?.image) {
    return html`<p class="reason">
      ${result.image.name} is not shown: the file holds the numbers, the picture lies where it was
      (${result.image.path}).
    </p>`;
  }
  return form?.mode === 'image' && form.image !== '' ? html`<p class="reason">Reading the picture…</p>` : nothing;
}

/** What share of the whole attention lies on the picture at all. */
function massWords({ view }: State, model: MapModel): string {
  const mean = view.map === 'head' ? '' : 'On average ';
  const text = `${significant(model.mass * 100)} % of the attention ${mean === '' ? 'lies' : 'of these heads lies'} on these patches`;
  const sinks = model.sinkMass > 0 ? `, ${significant(model.sinkMass * 100)} % of it all on sinks` : '';
  const sentence = `${mean}${text}${sinks}.`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function sinkNote({ result }: State, model: MapModel): TemplateResult | typeof nothing {
  const { notApplicable } = result?.sinks ?? {};
  if (notApplicable !== undefined) {
    return html`<p class="reason sink-note">
      ${icon('info')} ${notApplicable} A bright corner or border may be a sink.
    </p>`;
  }
  return model.patches.some(({ token }) => model.sinks.has(token))
    ? html`<p class="reason sink-note">
        ${icon('info')} Hatched with S: a sink, not a finding. It draws attention whatever is said, and is left out of
        the colour scale.
      </p>`
    : nothing;
}

export const patchColumns = (model: MapModel, level: readonly number[]): readonly Column<Patch>[] => [
  textColumn('patch', 'Patch', (patch) => placeWords(patch, level)),
  numberColumn('attention', 'Share', ({ token }) => model.values?.[token], {
    hint: 'Share of all attention of the query.',
  }),
  textColumn('sink', 'Sink', ({ token }) => (model.sinks.has(token) ? 'sink' : undefined)),
];

/** The map over the picture that is shown, with its level of tiles; undefined while it is not there. */
export function imageMapOf(state: State): { readonly model: MapModel; readonly level: readonly number[] } | undefined {
  const image = state.result?.image;
  if (!image || !state.map?.value) return undefined;
  const levels = levelsOf(image);
  const level = levels[Math.min(state.view.level, levels.length - 1)] ?? [];
  return { model: mapModel(patchesOf(image, level), state.map.value, state.result.sinks), level };
}

function patchTable({ actions, state }: Part, model: MapModel, level: readonly number[]): TemplateResult {
  const rows = topPatches(model, 16);
  const columns = patchColumns(model, level);
  return html`<div class="section-head">
      ${button({
        label: 'Copy all patches as CSV',
        icon: 'copy',
        appearance: 'icon',
        onClick: () => actions.copy(toCsv(columns, topPatches(model, model.patches.length)), 'The map as CSV'),
      })}
    </div>
    ${table({
      caption: 'Patches that are read most',
      columns,
      rows,
      key: ({ token }) => String(token),
      selected: state.patch === undefined ? undefined : String(state.patch),
      onSelect: (patch) => actions.selectPatch(patch),
    })}`;
}
