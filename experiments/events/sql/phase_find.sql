SELECT design, rebuild FROM phase WHERE phase_id = $phase_id;
