/** Controls, forms, menus and what folds. */
import { css } from 'lit';

export const controlStyles = css`
  vscode-button {
    --button-padding-horizontal: 10px;
    --button-padding-vertical: 4px;
    height: 26px;
    white-space: nowrap;
  }
  .empty-state vscode-button {
    height: auto;
    min-height: 26px;
    white-space: normal;
  }
  vscode-dropdown,
  vscode-text-field {
    width: 100%;
    min-width: 0;
  }
  vscode-checkbox::part(control) {
    flex: none;
  }
  vscode-checkbox {
    margin: 0;
    min-width: 0;
  }
  vscode-progress-ring {
    width: 14px;
    height: 14px;
    flex: none;
  }

  .intervention-row {
    display: flex;
    align-items: start;
    gap: 4px;
  }
  .intervention-row .text-control {
    flex: 1;
    min-width: 0;
  }
  .long-intervention {
    flex: 1;
    min-width: 0;
    padding-top: 3px;
    overflow-wrap: anywhere;
  }
  .interventions-list {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 6px;
  }
  .intervention-slider {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    align-items: center;
    max-width: 560px;
  }
  .intervention-slider input {
    flex: 1 1 160px;
    min-width: 80px;
  }
  .intervention-slider output {
    /* As wide with the longest number: the slider stays while it moves. */
    min-width: 96px;
    font-variant-numeric: tabular-nums;
  }
  .interventions-list .reason {
    margin: 0;
  }

  .fields {
    display: grid;
    /* A control of the toolkit is no narrower than 100 px: a long name wraps before it sticks out. */
    grid-template-columns: minmax(84px, auto) minmax(100px, 1fr);
    gap: 4px 8px;
    align-items: start;
  }
  .field-name {
    min-height: 26px;
    padding-top: 4px;
    color: var(--vscode-foreground);
  }
  .field-control {
    min-width: 0;
    min-height: 26px;
    display: flex;
    flex-direction: column;
    justify-content: center;
  }
  .with-button {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 4px;
    align-items: center;
  }
  .with-button.top {
    align-items: start;
  }
  .with-button.two {
    grid-template-columns: minmax(0, 1fr) auto auto;
  }
  .parameter .reason {
    margin-top: 2px;
  }
  .text-control.numeric vscode-text-field {
    font-variant-numeric: tabular-nums;
  }
  .text-control.invalid vscode-text-field {
    outline: 1px solid var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground));
  }
  .text-area textarea {
    display: block;
    width: 100%;
    min-height: 48px;
    padding: 4px 6px;
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, transparent);
    border-radius: 2px;
    font: inherit;
    resize: vertical;
  }
  .text-area textarea.code {
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
  }
  .text-area textarea::placeholder {
    color: var(--vscode-input-placeholderForeground);
  }
  .text-area textarea:focus {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .text-area.invalid textarea {
    border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground));
  }
  .problem {
    color: var(--vscode-errorForeground);
    font-size: var(--small);
    text-wrap: pretty;
  }
  .reason {
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    text-wrap: pretty;
  }
  h2.device {
    margin-top: 12px;
  }
  .devices-missing dl {
    margin: 4px 0 0;
  }
  .devices-missing dt {
    color: var(--vscode-foreground);
  }
  .devices-missing dd {
    margin: 0 0 4px;
  }
  .reason.warning {
    color: var(--vscode-editorWarning-foreground);
  }
  .reason .codicon[class*='codicon-'],
  .notes .codicon[class*='codicon-'] {
    font-size: 12px;
  }

  .disclosure-head {
    display: flex;
    align-items: center;
    min-height: 26px;
  }
  .disclosure-button {
    display: flex;
    align-items: center;
    gap: 4px;
    flex: 1;
    min-width: 0;
    min-height: 24px;
    text-align: left;
  }
  .disclosure-button > span:last-child {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .disclosure-body {
    padding: 4px 0 8px;
  }

  .menu {
    position: relative;
    display: inline-flex;
  }
  .menu-list {
    position: absolute;
    top: 100%;
    right: 0;
    z-index: 20;
    min-width: 180px;
    max-width: calc(100vw - 16px);
    max-height: 60vh;
    overflow: auto;
    margin-top: 2px;
    padding: 4px;
    color: var(--vscode-menu-foreground);
    background: var(--vscode-menu-background);
    border: 1px solid var(--vscode-menu-border, var(--line));
    border-radius: 5px;
    box-shadow: 0 2px 8px var(--vscode-widget-shadow);
  }
  .menu-list button {
    display: flex;
    align-items: center;
    gap: 8px;
    width: 100%;
    padding: 2px 8px;
    border-radius: 3px;
    text-align: left;
    white-space: nowrap;
  }
  .menu-list button:hover,
  .menu-list button:focus {
    color: var(--vscode-menu-selectionForeground);
    background: var(--vscode-menu-selectionBackground);
    outline: 1px solid var(--vscode-menu-selectionBorder, transparent);
    outline-offset: -1px;
  }
  .menu-detail {
    margin-left: auto;
    padding-left: 16px;
    opacity: 0.7;
  }

  .segments {
    display: inline-flex;
    border: 1px solid var(--vscode-checkbox-border, var(--line));
    border-radius: 3px;
    overflow: hidden;
  }
  .segments button {
    height: 20px;
    padding: 0 8px;
    font-size: var(--small);
  }
  .segments button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .segments button[aria-checked='true'] {
    color: var(--vscode-inputOption-activeForeground);
    background: var(--vscode-inputOption-activeBackground);
    outline: 1px solid var(--vscode-inputOption-activeBorder, transparent);
    outline-offset: -1px;
  }
  /* Its border has the colour of the frame in high contrast themes, which set no ground. */
  :is(.vscode-high-contrast, .vscode-high-contrast-light) .segments button[aria-checked='true'] {
    color: var(--vscode-editor-background);
    background: var(--vscode-foreground);
  }
  .slider {
    width: 100%;
    height: 20px;
    margin: 0;
  }
  input[type='range'] {
    accent-color: var(--vscode-button-background);
    cursor: pointer;
  }
  /* High contrast themes set no colour of a button: the browser would draw the thumb in that of the ground. */
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range'] {
    appearance: none;
    background: none;
  }
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range']::-webkit-slider-runnable-track {
    height: 6px;
    box-sizing: border-box;
    border: 1px solid var(--vscode-contrastBorder);
    border-radius: 3px;
  }
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range']::-webkit-slider-thumb {
    appearance: none;
    width: 14px;
    height: 14px;
    margin-top: -5px;
    border-radius: 50%;
    background: var(--vscode-foreground);
  }
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range']:disabled::-webkit-slider-thumb {
    box-sizing: border-box;
    border: 1px dashed var(--vscode-foreground);
    background: var(--vscode-editor-background);
  }
  .gain-value {
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
`;
