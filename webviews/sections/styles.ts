import { css, unsafeCSS } from 'lit';
import { fullShade, shadeSteps } from './strip';

const shades = Array.from(
  { length: shadeSteps + 1 },
  (_, step) => `.token-strip .shade-${step} { --shade: ${(100 * fullShade * step) / shadeSteps}%; }`,
).join('\n');

export const sectionStyles = css`
  .result-section {
    min-width: 0;
  }
  .result-section .section-head h2 {
    min-width: 0;
    overflow-wrap: anywhere;
  }
  .result-section .section-head > .toolbar {
    margin-left: auto;
  }
  .result-section .section-head {
    flex-wrap: nowrap;
    align-items: start;
  }
  .result-section .section-head > h2 {
    padding-top: 4px;
  }
  .number-choice {
    max-width: 280px;
    min-height: 26px;
    margin: 2px 0 4px;
  }
  .heads-arrangement {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    align-items: center;
    margin: 2px 0 4px;
  }
  .table-search {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    align-items: center;
    margin: 2px 0 4px;
  }
  .table-search > .table-find {
    flex-basis: 180px;
  }
  .heads-arrangement > vscode-dropdown {
    flex: 0 1 200px;
    min-width: 0;
  }
  .heads-find,
  .table-find {
    flex: 0 1 140px;
    height: 26px;
    padding: 0 6px;
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, transparent);
    border-radius: 2px;
    font: inherit;
  }
  .heads-find::-webkit-search-cancel-button,
  .table-find::-webkit-search-cancel-button {
    display: none;
  }
  .heads-find::placeholder,
  .table-find::placeholder {
    color: var(--vscode-input-placeholderForeground);
  }
  .heads-find:focus,
  .table-find:focus {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  /* Their titles stand in one line each: no more are offered so than fit (section-view.ts). */
  .number-choice:has(.segments) {
    max-width: 100%;
  }
  .number-choice .segments {
    max-width: 100%;
  }
  .number-choice .segments button {
    white-space: nowrap;
  }
  .section-caption {
    max-width: 760px;
    margin-bottom: 4px;
    color: var(--vscode-descriptionForeground);
    overflow-wrap: anywhere;
    text-wrap: pretty;
  }
  .result-section .reason {
    max-width: 760px;
    overflow-wrap: anywhere;
  }
  .section-empty {
    padding: 12px;
    color: var(--vscode-descriptionForeground);
    border: 1px dashed var(--line);
    border-radius: 3px;
    overflow-wrap: anywhere;
  }
  hs-section-picture {
    display: block;
    min-width: 0;
    margin: 4px 0;
  }
  .picture-frame {
    position: relative;
    outline-offset: 2px;
    cursor: default;
  }
  .picture-frame canvas {
    display: block;
  }
  .picture-frame.movable {
    cursor: crosshair;
    touch-action: none;
  }
  .head-body {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px 20px;
    align-items: start;
  }
  .head-drawing,
  .head-strip {
    min-width: 0;
  }
  .head-drawing hs-section-picture {
    max-width: 640px;
  }
  .head-options {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 16px;
  }
  .head-sets {
    max-width: 260px;
  }
  .token-caption {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px;
    min-height: 22px;
    font-size: var(--small);
  }
  .top-keys table {
    margin-top: 2px;
  }
  .top-keys td {
    height: 20px;
    padding: 0 8px 0 0;
  }
  .token-cell {
    max-width: 120px;
    overflow: hidden;
    text-overflow: ellipsis;
    font-family: var(--vscode-editor-font-family);
  }
  .bar rect {
    fill: var(--vscode-charts-blue, var(--vscode-focusBorder));
  }
  .bar.changed rect {
    fill: var(--vscode-charts-orange, var(--vscode-editorWarning-foreground));
  }
  @container panel (min-width: 900px) {
    .result-section .head-body {
      grid-template-columns: minmax(0, 640px) minmax(220px, 1fr);
    }
  }
  .picture-tip {
    position: absolute;
    z-index: 10;
    display: none;
    width: max-content;
    max-width: min(320px, 100%);
    padding: 4px 8px;
    color: var(--vscode-editorHoverWidget-foreground);
    background: var(--vscode-editorHoverWidget-background);
    border: 1px solid var(--vscode-editorHoverWidget-border, var(--vscode-contrastBorder));
    border-radius: 3px;
    box-shadow: 0 2px 8px var(--vscode-widget-shadow);
    font-size: var(--small);
    pointer-events: none;
    overflow-wrap: anywhere;
  }
  .picture-tip.shown {
    display: block;
  }
  .tip-title {
    font-weight: 600;
  }
  .tip-value {
    font-variant-numeric: tabular-nums;
  }
  .tip-definition {
    max-height: 5.6em;
    overflow: hidden;
    opacity: 0.8;
  }
  .section-chosen {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 6px;
    min-height: 28px;
    font-size: var(--small);
    font-variant-numeric: tabular-nums;
  }
  .section-chosen .chosen-words {
    min-width: 0;
    /* Beside the pin, however long. */
    max-width: calc(100% - 24px);
    overflow-wrap: anywhere;
  }
  hs-section-chart {
    display: block;
    min-width: 0;
    max-width: 760px;
  }
  .chart-legend {
    display: flex;
    flex-wrap: wrap;
    list-style: none;
    margin-left: -6px;
  }
  .chart-legend .legend-entry {
    max-width: 100%;
    min-width: 0;
  }
  .chart-legend .legend-entry > span:last-child {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .graph-threshold {
    display: flex;
    flex-wrap: wrap;
    gap: 0 8px;
    align-items: center;
    font-size: var(--small);
    font-variant-numeric: tabular-nums;
  }
  .graph-threshold .slider {
    flex: 0 1 240px;
    min-width: 80px;
    width: auto;
  }
  .image-controls {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 12px;
    margin: 2px 0;
    font-size: var(--small);
    font-variant-numeric: tabular-nums;
  }
  .image-opacity {
    display: inline-grid;
    grid-template-columns: auto minmax(60px, 160px) 7.5em;
    gap: 8px;
    align-items: center;
  }
  .section-text {
    max-width: 720px;
    overflow-wrap: anywhere;
    text-wrap: pretty;
  }
  .section-text p + p {
    margin-top: 8px;
  }
  .result-section .table-frame {
    max-height: 420px;
  }
  .result-section td,
  .result-section th {
    max-width: 360px;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .result-section td.long {
    min-width: 240px;
    max-width: 560px;
    white-space: normal;
    overflow-wrap: anywhere;
  }
  .compact .result-section td.long {
    min-width: 150px;
  }
  .compact .result-section :is(td, th) {
    padding-inline: 4px;
    white-space: normal;
  }
  .result-section :is(td, th):has(> .token-strip) {
    min-width: 240px;
    max-width: 640px;
    padding-block: 2px;
    white-space: normal;
  }
  /* A strip stands under the other cells of its row, as wide as the page. */
  .compact .result-section .table-frame:has(.token-strip) :is(table, thead, tbody) {
    display: block;
  }
  .compact .result-section .table-frame:has(.token-strip) tr {
    display: flex;
    flex-wrap: wrap;
    gap: 0 8px;
    justify-content: space-between;
    align-items: baseline;
    padding-block: 2px;
  }
  .compact .result-section .table-frame:has(.token-strip) thead {
    position: sticky;
    top: 0;
    z-index: 1;
  }
  .compact .result-section .table-frame:has(.token-strip) tbody tr + tr {
    border-top: 1px solid var(--line);
  }
  .compact .result-section .table-frame:has(.token-strip) :is(td, tbody th) {
    height: auto;
  }
  .compact .result-section :is(td, th):has(> .token-strip) {
    flex: 1 0 100%;
    min-width: 0;
    max-width: 100%;
  }
  .token-strip {
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
    line-height: 20px;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .token-strip .token {
    white-space: pre;
    border-radius: 2px;
    background: color-mix(in srgb, var(--vscode-charts-blue, var(--vscode-focusBorder)) var(--shade, 0%), transparent);
  }
  .token-strip .token.key {
    outline: 1px solid var(--vscode-foreground);
    outline-offset: -1px;
  }
  .token-strip .token.query {
    box-shadow: inset 0 -2px 0 var(--vscode-foreground);
  }
  .token-strip.shade-scale {
    margin-block: 4px;
    font-family: inherit;
    font-size: var(--small);
    white-space: normal;
  }
  .shade-scale .token {
    padding-inline: 8px;
    outline: 1px solid var(--line);
    outline-offset: -1px;
  }
  ${unsafeCSS(shades)}
  .generations {
    display: grid;
    gap: 12px;
  }
  .generation {
    padding-left: 10px;
    border-left: 2px solid var(--line);
    min-width: 0;
  }
  .generation-head {
    display: flex;
    flex-wrap: wrap;
    gap: 0 12px;
    align-items: baseline;
  }
  .generation-head h3 {
    color: var(--vscode-foreground);
    font-size: var(--vscode-font-size);
    overflow-wrap: anywhere;
  }
  .generation-prompt {
    max-height: 6em;
    overflow: auto;
    color: var(--vscode-descriptionForeground);
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 2px);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .generation-texts {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(240px, 100%), 1fr));
    gap: 8px 24px;
    margin-top: 4px;
  }
  .generation-texts > div {
    min-width: 0;
  }
  .generation-variant {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    align-items: baseline;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
  }
  .generation-text {
    max-height: 16em;
    overflow: auto;
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .generation-text mark {
    color: inherit;
    background: color-mix(in srgb, var(--vscode-charts-blue, var(--vscode-focusBorder)) 25%, transparent);
    text-decoration: underline;
    text-decoration-thickness: 1px;
    text-underline-offset: 3px;
  }
`;
