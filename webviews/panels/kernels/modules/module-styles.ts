import { css } from 'lit';

export const moduleStyles = css`
  .modules {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px 24px;
  }
  .wide .modules {
    grid-template-columns: minmax(240px, 320px) minmax(0, 1fr);
    align-items: start;
  }
  .module-form {
    display: grid;
    gap: 8px;
    align-content: start;
    min-width: 0;
  }
  .module-form h3 {
    margin: 8px 0 4px;
  }
  .module-form p {
    margin: 4px 0 0;
    overflow-wrap: anywhere;
  }
  .module-parameters {
    display: grid;
    gap: 8px;
  }
  .module-run {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
    margin-top: 8px;
  }
  .module-result {
    min-width: 0;
  }
  .module-result > h2 {
    margin: 0 0 4px;
    font-size: var(--vscode-font-size);
    overflow-wrap: anywhere;
  }
  .module-result > p {
    margin: 0 0 12px;
    overflow-wrap: anywhere;
  }
  .module-sections {
    display: grid;
    gap: 16px 24px;
    grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), 1fr));
    align-items: start;
  }
  .module-sections > [data-kind='table'],
  .module-sections > [data-kind='chart'] {
    grid-column: 1 / -1;
  }
`;
