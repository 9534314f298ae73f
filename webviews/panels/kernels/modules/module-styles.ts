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
`;
