/** The card of a mechanism with its simulator, the table of all of them, and CAB. */
import { css } from 'lit';

export const cardStyles = css`
  .mechanism-card {
    margin-bottom: 16px;
    padding: 8px 12px 10px;
    border: 1px solid var(--line);
    border-radius: 4px;
    /* Focused by script when it opens: its top comes into view, not its middle. */
    scroll-margin-top: 8px;
  }
  .mechanism-card .section-head > :last-child {
    margin-left: auto;
  }
  .mechanism-card p {
    margin-bottom: 6px;
    max-width: 90ch;
    text-wrap: pretty;
  }
  .card-body {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
    gap: 12px 24px;
    align-items: start;
  }
  .system-sections {
    display: grid;
    gap: 16px;
    min-width: 0;
  }
  .card-controls {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 12px;
    margin-bottom: 6px;
  }
  .card-controls vscode-dropdown {
    width: 90px;
  }
  .pattern-frame {
    aspect-ratio: 1;
    width: min(100%, 440px);
  }
  .pattern-frame canvas {
    width: 100%;
    height: 100%;
  }
  .pattern-readout {
    min-height: 18px;
    font-size: var(--small);
    font-variant-numeric: tabular-nums;
  }
  .pattern-legend {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 14px;
    font-size: var(--small);
  }
  .pattern-legend .swatch {
    display: inline-block;
    width: 11px;
    height: 11px;
    margin-right: 5px;
    vertical-align: -1px;
    border: 1px solid var(--line);
    background: #2a2a2a;
  }
  .pattern-legend .swatch.read {
    background: #5fb0ff;
  }
  .pattern-legend .swatch.average {
    background: #426689;
  }
  .vscode-light .pattern-legend .swatch,
  .vscode-high-contrast-light .pattern-legend .swatch {
    background: #f1f1f1;
  }
  .vscode-light .pattern-legend .swatch.read,
  .vscode-high-contrast-light .pattern-legend .swatch.read {
    background: #0b5fb3;
  }
  .vscode-light .pattern-legend .swatch.average,
  .vscode-high-contrast-light .pattern-legend .swatch.average {
    background: #8ab0d5;
  }
  .card-facts table {
    width: 100%;
  }
  .card-facts th {
    width: 100px;
    text-align: left;
    vertical-align: top;
    font-weight: normal;
    color: var(--vscode-descriptionForeground);
  }
  .card-facts td {
    white-space: normal;
    text-align: left;
  }
  .card-facts caption {
    caption-side: bottom;
    padding-top: 6px;
    text-align: left;
    font-size: var(--small);
  }
  .card-facts sup {
    line-height: 0;
  }

  #template .table-frame {
    max-height: 70vh;
  }
  #template table {
    width: max-content;
  }
  #template tbody th,
  #template td {
    min-width: 12ch;
    /* Two lines for most cells: a long one far to the right makes its row tall where nothing explains it. */
    max-width: 52ch;
    padding: 3px 8px;
    white-space: normal;
    vertical-align: top;
    border-bottom: 1px solid var(--line);
  }
  #template tbody th,
  #template thead th:first-child {
    position: sticky;
    left: 0;
    background: var(--panel-background, var(--vscode-editor-background));
  }
  #template thead th:first-child {
    z-index: 2;
  }
  #template td.number {
    min-width: 0;
  }

  .cab {
    margin-top: 16px;
  }
  .cab caption {
    text-align: start;
  }
  .cab-run {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 12px;
    margin-bottom: 8px;
  }

  .simulator {
    margin-top: 14px;
    padding-top: 8px;
    border-top: 1px solid var(--line);
  }
  .simulator-result table {
    width: 100%;
  }
  .simulator-result th {
    width: 92px;
    white-space: normal;
    text-align: left;
    font-weight: normal;
  }
  .simulator-result td.bound {
    padding: 0 8px;
    text-align: right;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }
  .simulator-result td.muted {
    text-align: left;
    white-space: normal;
  }
  .causal-axes {
    display: flex;
    flex-wrap: wrap;
    gap: 0 12px;
  }
  .simulator-result .stride-bars {
    margin: 8px 0;
  }
  .stride-bars caption {
    padding-bottom: 4px;
    text-align: left;
    font-size: var(--small);
  }
  .stride-bars td.number {
    width: 1px;
  }
  .stride-bars tr.selected {
    color: var(--vscode-foreground);
    background: var(--vscode-list-inactiveSelectionBackground);
  }
  .stride-bar {
    display: block;
    width: 100%;
    min-width: 40px;
    height: 10px;
  }
  .stride-bar rect {
    fill: #5fb0ff;
  }
  .vscode-light .stride-bar rect,
  .vscode-high-contrast-light .stride-bar rect {
    fill: #0b5fb3;
  }
  .stride-bar line {
    stroke: var(--vscode-foreground);
    vector-effect: non-scaling-stroke;
  }
  .visited {
    display: block;
    width: min(100%, 320px);
    max-height: 320px;
    margin: 4px 0;
  }
  .visited rect,
  .visited line {
    vector-effect: non-scaling-stroke;
  }
  .visited .frame {
    fill: none;
    stroke: var(--vscode-descriptionForeground);
  }
  .visited line {
    stroke: var(--line);
  }
  .visited .keys {
    fill: #5fb0ff;
    fill-opacity: 0.75;
  }
  .vscode-light .visited .keys,
  .vscode-high-contrast-light .visited .keys {
    fill: #0b5fb3;
  }
  .visited .queries {
    fill: none;
    stroke: var(--vscode-foreground);
    stroke-width: 2;
  }
  .pattern-legend .swatch.outlined {
    background: none;
    border: 2px solid var(--vscode-foreground);
  }
  .tile-slider {
    display: grid;
    gap: 2px;
    max-width: 320px;
    font-size: var(--small);
  }
`;
