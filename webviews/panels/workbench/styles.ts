import { css } from 'lit';

export const panelStyles = css`
  #question {
    color: var(--vscode-descriptionForeground);
    overflow-wrap: anywhere;
  }
  #finding {
    overflow-wrap: anywhere;
  }
  .run-state .kept {
    padding-left: 8px;
    flex: none;
  }
  .run-state #estimate {
    font-variant-numeric: tabular-nums;
  }
  .parity {
    display: inline-flex;
    align-items: center;
    gap: 4px;
    padding: 0 6px;
    border: 1px solid var(--line);
    border-radius: 3px;
    font-size: var(--small);
  }
  .parity.ok .codicon {
    color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
  }
  .parity.bad {
    color: var(--vscode-editorWarning-foreground);
  }
  .results {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 24px;
    min-width: 0;
  }
  .compact .results {
    gap: 16px;
  }
  .controls .next {
    margin-top: 12px;
  }
  .controls .reason {
    margin-top: 4px;
    overflow-wrap: anywhere;
  }
  .controls .problem {
    overflow-wrap: anywhere;
  }
  .parameters {
    display: grid;
    gap: 8px;
    align-content: start;
  }
  .reason + .parameters {
    margin-top: 8px;
  }
  .parameters h2 {
    margin: 0;
  }
  code {
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 2px);
    overflow-wrap: anywhere;
  }
  .input-picture {
    display: block;
    max-width: 100%;
    max-height: 160px;
    margin-top: 6px;
    border: 1px solid var(--line);
  }
  .reinforcement {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-start;
    gap: 8px 16px;
    margin: 8px 0;
  }
  .alpha-line {
    display: grid;
    grid-template-columns: auto minmax(80px, 180px) 28px;
    gap: 8px;
    align-items: center;
    min-height: 26px;
  }
  .reinforcement .labelled {
    display: grid;
    grid-template-columns: auto 110px;
    gap: 8px;
    align-items: center;
    min-height: 26px;
  }
  .reinforcement .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  .reinforcement > .reason {
    flex-basis: 100%;
  }
  .fields.seed {
    margin-top: 8px;
    grid-template-columns: auto minmax(0, 120px);
  }
  .answers {
    display: grid;
    gap: 12px;
    margin-top: 8px;
  }
  .answers.live {
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
    align-items: start;
  }
  .answer {
    position: relative;
    padding: 4px 8px 8px 12px;
    border-left: 2px solid var(--vscode-focusBorder);
    min-width: 0;
  }
  .answer > .icon-button {
    position: absolute;
    top: 4px;
    right: 0;
    z-index: 2;
  }
  .answer .section-head {
    padding-right: 28px;
  }
  .answer .waiting {
    display: flex;
    gap: 6px;
    align-items: center;
    min-height: 26px;
    color: var(--vscode-descriptionForeground);
  }
  .answer > .problem {
    padding-right: 28px;
  }
  .side-by-side {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 24px;
  }
  .comparison,
  .changes,
  .compared {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
    align-content: start;
    min-width: 0;
  }
  .comparison {
    gap: 24px;
  }
  .compared-head {
    padding-bottom: 4px;
    border-bottom: 1px solid var(--line);
    overflow-wrap: anywhere;
  }
  .compared-head p {
    color: var(--vscode-descriptionForeground);
  }
  .offers ul {
    list-style: none;
  }
  .offer {
    display: flex;
    flex-wrap: wrap;
    justify-content: space-between;
    gap: 4px 16px;
    padding: 8px 0;
    border-top: 1px solid var(--line);
    overflow-wrap: anywhere;
  }
  .offer > div:first-child {
    flex: 1 1 260px;
    min-width: 0;
  }
  .offer-buttons {
    display: flex;
    flex-wrap: wrap;
    align-items: start;
    gap: 8px;
  }
  .do-forms {
    font-size: var(--small);
  }

  @container panel (min-width: 760px) {
    .side-by-side {
      grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
    }
  }
  @container panel (min-width: 960px) {
    .body:has(> .strip > .open) {
      grid-template-columns: 280px minmax(0, 1fr);
    }
    .wide .results {
      max-width: 1100px;
    }
  }
`;
